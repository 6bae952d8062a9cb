// Numbers and sizes as people read them.

const bytes = (count) => {
  if (count < 1024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = -1;
  do { count /= 1024; unit += 1; } while (count >= 1023.95 && unit + 1 < units.length);
  return `${count.toFixed(1)} ${units[unit]}`;
};

const integer = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

// Four digits, short where it can be. What was not finite arrives as null.
const number = (x, digits = 4) => {
  if (x === null || x === undefined) return '–';
  if (x === Infinity) return '∞';
  if (x === 0) return '0';
  if (Number.isInteger(x) && Math.abs(x) < 1e9) return integer(x);
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e6) return String(Number(x.toPrecision(digits)));
  return x.toExponential(digits - 1).replace('e+', 'e');
};

const percent = (share) => {
  if (share === 0) return '0 %';
  if (share === 1) return '100 %';
  if (share < 0.0005) return '< 0.1 %';
  if (share > 0.9994) return '> 99.9 %';
  return `${(100 * share).toFixed(1)} %`;
};

const shapeText = (shape) => `[${shape.join(', ')}]`;

const when = (time) => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toLocaleString();
};

const counted = (count, noun) => `${integer(count)} ${noun}${count === 1 ? '' : 's'}`;

