// Axes, curves and histograms, as SVG.

const scale = (from, to, low, high) => (x) => low + (to === from ? 0.5 : (x - from) / (to - from)) * (high - low);

// Round numbers that divide a range.
const ticks = (low, high, about = 4) => {
  if (!(high > low)) return [low];
  const rough = (high - low) / about * 0.999;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((x) => x * power).find((x) => x >= rough);
  const marks = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-9; x += step) marks.push(Math.abs(x) < step * 1e-9 ? 0 : x);
  return marks;
};

// Powers of ten between two logarithms; with their doubles and fives, where they are few.
const decades = (low, high) => {
  const inside = (mark) => mark >= low - 1e-9 && mark <= high + 1e-9;
  const powers = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) powers.push(power);
  const marks = powers.filter(inside);
  if (marks.length < 2) return powers.flatMap((power) => [1, 2, 5].map((x) => power + Math.log10(x))).filter(inside);
  const every = Math.ceil(marks.length / 5);
  return marks.filter((_, i) => i % every === 0);
};

// A curve over checkpoints. `points` are [label, value or null]; `now` is the index of the one chosen.
const curveChart = ({ label, points, logarithmic = false, rules = [], now = null, width = 520, height = 190, onChoose = null }) => {
  const usable = ([, value]) => value !== null && value !== undefined && Number.isFinite(value) && !(logarithmic && value <= 0);
  const shown = points.filter(usable);
  if (shown.length === 0) return el('p', { class: 'dim' }, 'No number to draw.');
  const level = (value) => (logarithmic ? Math.log10(value) : value);
  const levels = [...shown.map(([, value]) => level(value)), ...rules.map(([value]) => level(value))];
  let [low, high] = [Math.min(...levels), Math.max(...levels)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const [left, right, top, bottom] = [62, width - 14, 12, height - 24];
  const x = scale(0, Math.max(points.length - 1, 1), left, right);
  const y = scale(low, high, bottom, top);
  const marks = logarithmic ? decades(low, high) : ticks(low, high);
  const axis = marks.map((mark) => svg('g', {},
    svg('line', { class: 'axis', x1: left, x2: right, y1: y(mark), y2: y(mark) }),
    svg('text', { x: left - 6, y: y(mark) + 4, 'text-anchor': 'end' }, number(logarithmic ? 10 ** mark : mark, 3))));
  const lines = rules.map(([value, text]) => svg('g', {},
    svg('line', { class: 'rule', x1: left, x2: right, y1: y(level(value)), y2: y(level(value)) }),
    svg('text', { x: right, y: y(level(value)) - 4, 'text-anchor': 'end' }, text)));
  let path = '';
  points.forEach((point, i) => {
    if (usable(point)) path += `${path === '' || !usable(points[i - 1] ?? ['', null]) ? 'M' : 'L'}${x(i).toFixed(1)} ${y(level(point[1])).toFixed(1)}`;
  });
  const dots = points.map((point, i) => {
    if (!usable(point)) return null;
    const dot = svg('circle', { class: i === now ? 'dot now' : 'dot', cx: x(i), cy: y(level(point[1])), r: points.length > 80 ? 2 : 3.5 });
    if (onChoose) dot.addEventListener('click', () => onChoose(i));
    return withTip(dot, `${point[0]}\n${number(point[1], 6)}`);
  });
  const ends = [
    svg('text', { x: left, y: height - 6 }, points[0][0]),
    points.length > 1 ? svg('text', { x: right, y: height - 6, 'text-anchor': 'end' }, points[points.length - 1][0]) : null,
  ];
  const values = shown.map(([, value]) => value);
  const words = `${label}: from ${number(values[0])} (${shown[0][0]}) to ${number(values[values.length - 1])} (${shown[shown.length - 1][0]}), least ${number(Math.min(...values))}, most ${number(Math.max(...values))}`;
  return picture(width, height, words, axis, lines, svg('path', { class: 'curve', d: path }), dots, ends);
};

// Bars of one histogram, as small as a cell of a table.
const miniHistogram = (bars, width = 96, height = 20) => {
  const step = width / bars.length;
  const path = bars.map((bar, i) => (bar === 0 ? '' : `M${(i * step).toFixed(1)} ${height}v${(-Math.max(1, bar / 1000 * height)).toFixed(1)}h${(step * 0.9).toFixed(1)}V${height}z`)).join('');
  return svg('svg', { class: 'mini', viewBox: `0 0 ${width} ${height}`, width, height, 'aria-hidden': 'true' }, svg('path', { class: 'bar', d: path }));
};

// A colour between that of the oldest and that of the newest checkpoint.
const ageColour = (share) => `color-mix(in oklab, var(--new) ${Math.round(share * 100)}%, var(--old))`;

// One ridge for each checkpoint, the oldest behind: how a histogram moved.
const ridgeChart = ({ label, histograms, range, labels, now, onChoose, width = 520 }) => {
  const rows = histograms.map((bars, k) => [bars, k]).filter(([bars]) => bars);
  if (rows.length === 0 || !range) return el('p', { class: 'dim' }, 'Nothing finite to draw.');
  const [left, right, ridge] = [118, width - 10, 46];
  const gap = rows.length > 16 ? 16 : rows.length > 8 ? 20 : 26;
  const height = ridge + (rows.length - 1) * gap + 30;
  const x = scale(0, rows[0][0].length, left, right);
  const every = Math.ceil(13 / gap);
  const drawn = rows.map(([bars, k], i) => {
    const base = ridge + i * gap;
    const point = (bar, at) => `${x(at).toFixed(1)} ${(base - bar / 1000 * (ridge - 6)).toFixed(1)}`;
    const line = bars.map((bar, at) => `L${point(bar, at + 0.5)}`).join('');
    const path = svg('path', { class: k === now ? 'ridge now' : 'ridge', fill: ageColour(rows.length === 1 ? 1 : i / (rows.length - 1)), d: `M${x(0)} ${base}${line}L${x(bars.length)} ${base}z` });
    path.addEventListener('click', () => onChoose(k));
    const name = i % every === 0 || k === now
      ? svg('text', { x: left - 6, y: base, 'text-anchor': 'end', class: k === now ? 'strong' : null }, shorten(labels[k], 18)) : null;
    return [svg('line', { class: 'axis', x1: left, x2: right, y1: base, y2: base }), withTip(path, labels[k]), name];
  });
  const [low, high] = range;
  const place = scale(low, high, left, right);
  const axis = ticks(low, high).map((mark) =>
    svg('text', { x: place(mark), y: height - 8, 'text-anchor': 'middle' }, number(mark, 3)));
  return picture(width, height, label, drawn, axis);
};

const shorten = (text, most) => (text.length <= most ? text : `…${text.slice(text.length - most + 1)}`);

