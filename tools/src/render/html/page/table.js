// The variables of the checkpoint chosen: searched, sorted, a page at a time.

const ROWS_FIRST = 200;
const [MIN, MAX, MEAN, STD, LENGTH, ZEROS, NANS, INFINITIES] = [0, 1, 2, 3, 4, 5, 6, 7];

const pairNumber = (i, j) => j * (j - 1) / 2 + i;

// How long the change from the checkpoint before is, against the weights.
const updateRatio = (variable, k) => {
  if (k === 0) return null;
  const pair = variable.pairs[pairNumber(k - 1, k)];
  const before = variable.stats[k - 1];
  if (!before || !variable.stats[k]) return null;
  if (pair === 0) return 0;
  return Array.isArray(pair) && pair[2] !== null && before[LENGTH] > 0 ? pair[2] / before[LENGTH] : null;
};

const variableLink = (row) => el('button', {
  type: 'button', class: 'link', 'data-variable': row.index, onclick: () => chooseVariable(row.index, true),
}, breakable(row.variable.name));

// A long name goes on in the next line behind a slash.
const breakable = (name) => name.split('/').flatMap((part, i) => (i === 0 ? [part] : ['/', el('wbr'), part]));

const flagMarks = (variable) => [...new Set(variable.flags.map(([kind]) => kind))].map((kind) => el('span', { class: 'flag' }, kind));

const VARIABLE_COLUMNS = [
  { key: 'name', name: 'Name', text: true, sort: (row) => row.variable.name, cell: (row) => [variableLink(row), ' ', ...flagMarks(row.variable)] },
  { key: 'dtype', name: 'Type', text: true, sort: (row) => row.variable.dtype, cell: (row) => row.variable.dtype },
  { key: 'shape', name: 'Shape', text: true, sort: (row) => row.variable.elements, title: 'Sorts by the number of elements', cell: (row) => shapeText(row.variable.shape) },
  { key: 'bytes', name: 'Bytes', sort: (row) => row.variable.bytes, cell: (row) => (row.variable.alias_of ? '' : bytes(row.variable.bytes)) },
  { key: 'histogram', name: 'Histogram', text: true, cell: (row) => (row.histogram ? miniHistogram(row.histogram) : '') },
  { key: 'min', name: 'Min', sort: (row) => row.stats?.[MIN], cell: (row) => (row.stats ? number(row.stats[MIN]) : '') },
  { key: 'max', name: 'Max', sort: (row) => row.stats?.[MAX], cell: (row) => (row.stats ? number(row.stats[MAX]) : '') },
  { key: 'mean', name: 'Mean', sort: (row) => row.stats?.[MEAN], cell: (row) => (row.stats ? number(row.stats[MEAN]) : '') },
  { key: 'std', name: 'Std', sort: (row) => row.stats?.[STD], cell: (row) => (row.stats ? number(row.stats[STD]) : '') },
  { key: 'zeros', name: 'Zeros', sort: (row) => row.zeros, cell: (row) => (row.zeros ? percent(row.zeros) : '') },
  { key: 'bad', name: 'NaN, Inf', sort: (row) => row.bad, tone: (row) => (row.bad ? 'bad' : ''), cell: (row) => (row.bad ? integer(row.bad) : '') },
  { key: 'update', name: 'Update / weight', sort: (row) => row.update, title: 'How long the change since the checkpoint before is, divided by how long the weights were', cell: (row) => (row.update === null ? '' : number(row.update, 3)) },
];

const rowsOf = (k) => data.variables.flatMap((variable, index) => {
  if (!variable.there[k]) return [];
  const stats = variable.stats[k];
  return [{
    index, variable, stats,
    histogram: variable.histograms[k],
    zeros: stats ? stats[ZEROS] / Math.max(variable.elements, 1) : null,
    bad: stats ? stats[NANS] + stats[INFINITIES] : null,
    update: updateRatio(variable, k),
  }];
});

const drawTable = () => {
  const words = byId('search').value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const all = rowsOf(state.checkpoint);
  const text = ({ variable }) => [variable.name, variable.dtype, variable.trainable ? 'trainable' : '', ...variable.flags.map(([kind]) => kind)].join(' ').toLowerCase();
  let rows = words.length === 0 ? all : all.filter((row) => { const own = text(row); return words.every((word) => own.includes(word)); });
  const column = VARIABLE_COLUMNS.find(({ key }) => key === state.sorted.key);
  rows = sortRows(rows, column, state.sorted.down);
  byId('found').textContent = words.length === 0 ? counted(all.length, 'name') : `${integer(rows.length)} of ${counted(all.length, 'name')}`;
  const shown = rows.slice(0, state.rows);
  const isEmpty = ({ key }) => ['zeros', 'bad', 'update'].includes(key) && !shown.some((row) => row[key]);
  const columns = VARIABLE_COLUMNS.filter((one) => !isEmpty(one) || one.key === state.sorted.key);
  const onSort = (chosen) => {
    // Numbers are most often wanted from the top.
    const down = state.sorted.key === chosen.key ? !state.sorted.down : !chosen.text;
    state.sorted = { key: chosen.key, down };
    drawTable();
    byId('table-place').querySelector(`th[data-key="${chosen.key}"] button`)?.focus();
  };
  put(byId('table-place'), table(`Variables of ${data.checkpoints[state.checkpoint].label}`, columns, shown, state.sorted, onSort,
    (row) => ({ class: row.index === state.variable ? 'chosen' : null })));
  const left = rows.length - shown.length;
  byId('more').hidden = left === 0;
  byId('more').textContent = `Show ${integer(Math.min(left, 1000))} more of ${integer(left)}`;
};

const startTable = () => {
  byId('search').addEventListener('input', () => { state.rows = ROWS_FIRST; drawTable(); });
  byId('more').addEventListener('click', () => { state.rows += 1000; drawTable(); });
};

