// What is chosen, and drawing it.

const last = data.checkpoints.length - 1;
// Most often it is the largest that is trained that people look for.
const interest = ({ there, alias_of: alias, trainable, bytes: size }) => (!there[last] || alias ? -1 : trainable ? 1 + size : size / Number.MAX_SAFE_INTEGER);
const largest = data.variables.reduce((best, variable, i) => (interest(variable) > interest(data.variables[best]) ? i : best), 0);
const state = {
  checkpoint: last,
  variable: largest,
  scope: [],
  sorted: { key: 'name', down: false },
  rows: ROWS_FIRST,
  diffSorted: { key: null, down: false },
  diffRows: DIFF_ROWS_FIRST,
};

const tile = (name, value, bad = false) => el('div', { class: bad ? 'bad' : null }, el('dt', {}, name), el('dd', {}, value));

const drawTiles = () => {
  const k = state.checkpoint;
  const here = data.variables.filter((variable) => variable.there[k] && !variable.alias_of);
  const sum = (of) => here.reduce((total, variable) => total + of(variable), 0);
  const elements = sum((variable) => variable.elements);
  const trainable = sum((variable) => (variable.trainable ? variable.elements : 0));
  const bad = sum((variable) => (variable.stats[k] ? variable.stats[k][NANS] + variable.stats[k][INFINITIES] : 0));
  const { bytes_new: fresh } = data.checkpoints[k];
  put(byId('tiles'),
    tile('variables', integer(here.length)),
    tile('elements', integer(elements)),
    tile('trainable', elements > 0 ? percent(trainable / elements) : '–'),
    tile('bytes', bytes(sum((variable) => variable.bytes))),
    fresh === null ? null : tile('of these new', bytes(fresh)),
    tile('NaN and infinities', integer(bad), bad > 0));
};

const drawFlags = () => {
  const flagged = data.variables.flatMap((variable, index) => variable.flags.map(([kind, what]) => ({ variable, index, kind, what })));
  byId('flags').hidden = flagged.length === 0;
  put(byId('flag-list'), flagged.slice(0, 100).map((row) => el('li', {}, el('span', { class: 'flag' }, row.kind), variableLink(row), `: ${row.what}`)),
    flagged.length > 100 ? el('li', { class: 'dim' }, `and ${integer(flagged.length - 100)} more: search for “dead”, “exploding”, “frozen” or “not finite” below`) : null);
};

const drawTree = () => drawTreemap(state, (scope) => {
  state.scope = scope;
  drawTree();
  // The box that was chosen is gone.
  (byId('treemap').querySelector('.box') ?? byId('crumbs').querySelector('button'))?.focus({ preventScroll: true });
}, (index) => chooseVariable(index, true));

const draw = () => {
  const { checkpoint: k } = state;
  byId('checkpoint').value = String(k);
  byId('earlier').disabled = k === 0;
  byId('later').disabled = k === last;
  byId('subtitle').textContent = data.checkpoints[k].label + (data.checkpoints[k].time ? `, saved ${when(data.checkpoints[k].time)}` : '');
  drawTiles();
  drawMetric();
  drawTree();
  drawTable();
  drawDetail();
};

const chooseCheckpoint = (k) => {
  state.checkpoint = Math.max(0, Math.min(last, k));
  draw();
};

const chooseVariable = (index, goThere = false) => {
  state.variable = index;
  drawTable();
  drawDetail();
  if (goThere) {
    byId('detail-heading').focus({ preventScroll: true });
    byId('detail').scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }
};

// As the system has it, until the button is used; remembered where pages may remember.
const themes = matchMedia('(prefers-color-scheme: dark)');
let theme = null;
try { theme = localStorage.getItem('varkeep-theme'); } catch { /* A page from a file may not remember. */ }
const applyTheme = () => { document.documentElement.dataset.theme = theme ?? (themes.matches ? 'dark' : 'light'); };
themes.addEventListener('change', applyTheme);
byId('theme').addEventListener('click', () => {
  theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  try { localStorage.setItem('varkeep-theme', theme); } catch { /* Likewise. */ }
  applyTheme();
});

applyTheme();
byId('title').textContent = data.title;
put(byId('checkpoint'), data.checkpoints.map((checkpoint, k) => el('option', { value: k }, checkpoint.label)));
byId('checkpoint').addEventListener('change', () => chooseCheckpoint(Number(byId('checkpoint').value)));
byId('earlier').addEventListener('click', () => chooseCheckpoint(state.checkpoint - 1));
byId('later').addEventListener('click', () => chooseCheckpoint(state.checkpoint + 1));
byId('footer').textContent = `Made by varkeep ${data.version} on ${when(data.made)}, from ${counted(data.checkpoints.length, 'checkpoint')}${data.left_out > 0 ? `; ${counted(data.left_out, 'other')} between them left out` : ''}.`;
startMetrics();
startTable();
startDiff();
drawFlags();
draw();
drawDiff();
let waiting = null;
addEventListener('resize', () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { drawMetric(); drawTree(); drawDetail(); }, 120);
});
