// The data, and making elements. Names come from files: they are only ever set as text.

const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

const fill = (node, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
};
const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

const put = (place, ...children) => place.replaceChildren(...children.flat(Infinity).filter(Boolean));

// A picture with words for those who do not see it.
const picture = (width, height, label, ...children) =>
  svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label }, ...children);

// What is under the pointer, in words.
const tip = byId('tip');
const withTip = (node, text) => {
  node.addEventListener('pointermove', (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 10 : event.clientY + 16}px`;
  });
  node.addEventListener('pointerleave', () => { tip.hidden = true; });
  return node;
};

// A table: columns say how a row's cell is made and sorted; the first cell of a row is its heading.
const table = (caption, columns, rows, sorted, onSort, rowAttributes = () => ({})) => {
  const heading = (column) => {
    const isSorted = sorted.key === column.key;
    const order = isSorted ? (sorted.down ? 'descending' : 'ascending') : null;
    const inner = column.sort
      ? el('button', { type: 'button', onclick: () => onSort(column), title: column.title }, column.name)
      : column.name;
    return el('th', { scope: 'col', class: column.text ? 'text' : null, 'aria-sort': order, 'data-key': column.key }, inner);
  };
  const cell = (column, row, i) => i === 0
    ? el('th', { scope: 'row' }, column.cell(row))
    : el('td', { class: [column.text ? 'text' : '', column.tone?.(row) ?? ''].join(' ').trim() || null }, column.cell(row));
  return el('table', {},
    el('caption', { class: 'visually-hidden' }, caption),
    el('thead', {}, el('tr', {}, columns.map(heading))),
    el('tbody', {}, rows.map((row) => el('tr', rowAttributes(row), columns.map((column, i) => cell(column, row, i))))));
};

// What has no value comes last, whichever way.
const sortRows = (rows, column, down) => {
  const keyed = rows.map((row) => [column.sort(row), row]);
  const missing = (key) => key === null || key === undefined || Number.isNaN(key);
  keyed.sort(([a], [b]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const order = typeof a === 'string' ? a.localeCompare(b, 'en') : a < b ? -1 : a > b ? 1 : 0;
    return down ? -order : order;
  });
  return keyed.map(([, row]) => row);
};

