// How any two checkpoints differ.

const DIFF_ROWS_FIRST = 100;

const WORDS = { '+': 'added', '-': 'removed', form: 'another type or shape', '~': 'changed' };

// What goes first: what is not there on both sides, then what broke, then by how far it went.
const weight = (row) => (row.word && row.word !== 'changed' ? 2e300 : row.broke ? 1e300 : row.ratio ?? row.share ?? 0);

const diffRows = (a, b) => data.variables.flatMap((variable, index) => {
  const pair = variable.pairs[pairNumber(Math.min(a, b), Math.max(a, b))];
  if (pair === 0 || variable.alias_of && Array.isArray(pair)) return [];
  if (!Array.isArray(pair)) {
    const word = a > b && (pair === '+' || pair === '-') ? (pair === '+' ? '-' : '+') : pair;
    return [{ index, variable, word: WORDS[word] }];
  }
  const [share, max, length, nans, infinities] = pair;
  const before = variable.stats[a]?.[LENGTH];
  const ratio = length === null ? null : before > 0 ? length / before : length > 0 ? Infinity : 0;
  // Counted from the earlier to the later one only.
  const broke = a < b ? nans + infinities : null;
  return [{ index, variable, share, max, ratio, broke }];
});

const DIFF_COLUMNS = [
  { key: 'name', name: 'Name', text: true, sort: (row) => row.variable.name, cell: (row) => variableLink(row) },
  { key: 'what', name: 'What', text: true, sort: (row) => row.word ?? 'values', cell: (row) => row.word ?? 'values' },
  { key: 'share', name: 'Changed', sort: (row) => row.share, cell: (row) => (row.share === undefined ? '' : percent(row.share)) },
  { key: 'max', name: 'Largest |Δ|', sort: (row) => row.max, cell: (row) => (row.max === undefined ? '' : number(row.max)) },
  { key: 'ratio', name: 'Change / weight', sort: (row) => row.ratio, title: 'The length of the change divided by the length of the earlier value', cell: (row) => (row.ratio === undefined ? '' : number(row.ratio, 3)) },
  { key: 'broke', name: 'New NaN, Inf', sort: (row) => row.broke, tone: (row) => (row.broke ? 'bad' : ''), cell: (row) => (row.broke ? integer(row.broke) : '') },
];

const drawDiff = () => {
  const [a, b] = [Number(byId('diff-a').value), Number(byId('diff-b').value)];
  const rows = a === b ? [] : diffRows(a, b);
  const names = data.variables.filter((variable) => variable.there[a] || variable.there[b]).length;
  byId('diff-summary').textContent = rows.length === 0 ? 'equal' : `${integer(rows.length)} of ${counted(names, 'name')} differ`;
  const sorted = state.diffSorted;
  const column = DIFF_COLUMNS.find(({ key }) => key === sorted.key);
  const ordered = column ? sortRows(rows, column, sorted.down) : sortRows(rows, { sort: weight }, true);
  const shown = ordered.slice(0, state.diffRows);
  const onSort = (chosen) => {
    state.diffSorted = { key: chosen.key, down: sorted.key === chosen.key ? !sorted.down : !chosen.text };
    drawDiff();
    byId('diff-place').querySelector(`th[data-key="${chosen.key}"] button`)?.focus();
  };
  put(byId('diff-place'), rows.length === 0
    ? el('p', { class: 'dim' }, a === b ? 'Choose two different checkpoints.' : 'These two hold the same.')
    : table(`How ${data.checkpoints[b].label} differs from ${data.checkpoints[a].label}`, DIFF_COLUMNS, shown, sorted, onSort));
  const left = ordered.length - shown.length;
  byId('diff-more').hidden = left === 0;
  byId('diff-more').textContent = `Show ${integer(Math.min(left, 1000))} more of ${integer(left)}`;
};

const startDiff = () => {
  const options = () => data.checkpoints.map((checkpoint, k) => el('option', { value: k }, checkpoint.label));
  put(byId('diff-a'), options());
  put(byId('diff-b'), options());
  const last = data.checkpoints.length - 1;
  byId('diff-a').value = String(Math.max(last - 1, 0));
  byId('diff-b').value = String(last);
  for (const id of ['diff-a', 'diff-b']) byId(id).addEventListener('change', () => { state.diffRows = DIFF_ROWS_FIRST; drawDiff(); });
  byId('diff-more').addEventListener('click', () => { state.diffRows += 1000; drawDiff(); });
};

