// One variable: its facts, how its values moved over the checkpoints, how large its updates are.

const panel = (title, hint, ...content) => el('div', {}, el('h3', {}, title), hint ? el('p', { class: 'dim hint' }, hint) : null, ...content);

const fact = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));

const factsOf = (variable, k) => {
  const stats = variable.stats[k];
  return el('dl', { class: 'facts' },
    fact('type', variable.dtype),
    fact('shape', shapeText(variable.shape)),
    fact('elements', integer(variable.elements)),
    fact('bytes', bytes(variable.bytes)),
    variable.slices > 0 ? fact('slices', integer(variable.slices)) : null,
    fact('trainable', variable.trainable ? 'yes' : 'no'),
    ...(stats ? [
      fact('mean', number(stats[MEAN])), fact('std', number(stats[STD])), fact('least', number(stats[MIN])),
      fact('most', number(stats[MAX])), fact('length', number(stats[LENGTH])), fact('zeros', integer(stats[ZEROS])),
    ] : []),
    stats && stats[NANS] + stats[INFINITIES] > 0 ? fact('not finite', integer(stats[NANS] + stats[INFINITIES])) : null);
};

// The same numbers as the pictures, for those who read tables.
const numbersOf = (variable, labels) => {
  const rows = labels.map((label, k) => ({ label, k, stats: variable.stats[k], update: updateRatio(variable, k) })).filter(({ k }) => variable.there[k]);
  const of = (name, at) => ({ key: name, name, cell: ({ stats }) => (stats ? number(stats[at]) : '') });
  const columns = [
    { key: 'label', name: 'Checkpoint', text: true, cell: ({ label }) => label },
    of('Min', MIN), of('Max', MAX), of('Mean', MEAN), of('Std', STD), of('Length', LENGTH),
    { key: 'update', name: 'Update / weight', cell: ({ update }) => (update === null ? '' : number(update, 3)) },
  ];
  return el('details', {}, el('summary', {}, 'As numbers'),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'The numbers of the pictures' },
      table(`${variable.name} over checkpoints`, columns, rows, {}, () => {})));
};

const drawDetail = () => {
  const variable = data.variables[state.variable];
  const k = state.checkpoint;
  const labels = data.checkpoints.map((checkpoint) => checkpoint.label);
  byId('detail-heading').textContent = variable.name;
  if (variable.alias_of) {
    const target = data.variables.findIndex(({ name }) => name === variable.alias_of);
    const link = target >= 0 ? el('button', { type: 'button', class: 'link', onclick: () => chooseVariable(target, true) }, variable.alias_of) : variable.alias_of;
    put(byId('detail-place'), el('p', {}, 'Another name of ', link, '.'));
    return;
  }
  const width = Math.max(280, Math.min(560, byId('detail-place').clientWidth || 520));
  const curve = (at) => labels.map((label, i) => [label, variable.stats[i] ? variable.stats[i][at] : null]);
  const updates = labels.map((label, i) => [label, updateRatio(variable, i)]).slice(1);
  const hasStats = variable.stats.some(Boolean);
  const first = variable.stats.findIndex(Boolean);
  const panels = [
    hasStats ? panel('How its values moved', 'A ridge is a checkpoint’s histogram, each as high as its fullest bin; the oldest is on top and palest.',
      ridgeChart({
        label: `Histograms of ${variable.name} in ${counted(variable.histograms.filter(Boolean).length, 'checkpoint')}, between ${number(variable.range?.[0])} and ${number(variable.range?.[1])}; the standard deviation goes from ${number(variable.stats[first]?.[STD])} to ${number(variable.stats[k]?.[STD])}`,
        histograms: variable.histograms, range: variable.range, labels, now: k, onChoose: chooseCheckpoint, width,
      })) : null,
    updates.some(([, value]) => value !== null) ? panel('Update / weight', 'The length of the change since the checkpoint shown before, divided by the length of the weights.',
      curveChart({ label: 'Update to weight ratio', points: updates, logarithmic: updates.some(([, value]) => value > 0), now: k - 1, width, onChoose: (i) => chooseCheckpoint(i + 1) }),
      el('h3', {}, 'Standard deviation'),
      curveChart({ label: 'Standard deviation', points: curve(STD), now: k, width, height: 150, onChoose: chooseCheckpoint })) : null,
  ];
  put(byId('detail-place'),
    variable.flags.map(([kind, what]) => el('p', {}, el('span', { class: 'flag' }, kind), what)),
    variable.there[k] ? factsOf(variable, k) : el('p', { class: 'dim' }, `It is not in ${labels[k]}.`),
    el('div', { class: 'panels' }, panels),
    hasStats && labels.length > 1 ? numbersOf(variable, labels) : null);
};

