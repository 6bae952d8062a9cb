// Where the bytes are: boxes in boxes, one scope at a time.

const treeOf = (k) => {
  const root = { name: '', full: '', bytes: 0, children: new Map() };
  data.variables.forEach((variable, index) => {
    if (!variable.there[k] || variable.alias_of) return;
    let node = root;
    node.bytes += variable.bytes;
    const parts = variable.name.split('/');
    parts.forEach((part, depth) => {
      const isLeaf = depth === parts.length - 1;
      // A variable and a scope may have one name.
      const key = isLeaf ? `=${part}` : part;
      if (!node.children.has(key)) {
        const full = parts.slice(0, depth + 1).join('/');
        node.children.set(key, { name: part, full, bytes: 0, children: new Map(), variable: isLeaf ? index : null });
      }
      node = node.children.get(key);
      node.bytes += variable.bytes;
    });
  });
  return root;
};

// Boxes as near to squares as they get, row by row (Bruls, Huizing and van Wijk's squarified treemap).
const squarify = (items, left, top, width, height) => {
  const total = items.reduce((sum, item) => sum + item.bytes, 0);
  const boxes = [];
  if (!(total > 0)) return boxes;
  let rest = items.map((item) => ({ item, area: item.bytes / total * width * height })).filter(({ area }) => area > 0);
  const worst = (row, side) => {
    const sum = row.reduce((areas, { area }) => areas + area, 0);
    const [most, least] = [row[0].area, row[row.length - 1].area];
    return Math.max(side * side * most / (sum * sum), sum * sum / (side * side * least));
  };
  while (rest.length > 0) {
    const side = Math.min(width, height);
    let count = 1;
    while (count < rest.length && worst(rest.slice(0, count + 1), side) <= worst(rest.slice(0, count), side)) count += 1;
    const row = rest.slice(0, count);
    rest = rest.slice(count);
    const thickness = row.reduce((sum, { area }) => sum + area, 0) / side;
    let at = 0;
    for (const { item, area } of row) {
      const length = area / thickness;
      boxes.push(width >= height
        ? { item, x: left, y: top + at, width: thickness, height: length }
        : { item, x: left + at, y: top, width: length, height: thickness });
      at += length;
    }
    if (width >= height) { left += thickness; width -= thickness; } else { top += thickness; height -= thickness; }
  }
  return boxes;
};

const BOXES_MAX = 400;
const STRIP = 20;

const drawTreemap = (state, onScope, onVariable) => {
  let node = treeOf(state.checkpoint);
  const crumbs = [[data.title, []]];
  let path = [];
  for (const part of state.scope) {
    const next = node.children.get(part);
    if (!next) break;
    node = next;
    path = [...path, part];
    crumbs.push([part, path]);
  }
  put(byId('crumbs'), crumbs.flatMap(([name, to], i) => [
    i > 0 ? el('span', { 'aria-hidden': 'true' }, '/') : null,
    i === crumbs.length - 1
      ? el('span', { 'aria-current': 'true' }, name)
      : el('button', { type: 'button', class: 'link', onclick: () => onScope(to) }, name),
  ]));
  const width = Math.max(280, Math.min(1240, byId('treemap').clientWidth || 1100));
  const height = Math.round(Math.max(240, Math.min(380, width * 0.45)));
  const drawn = [];
  let left = 0;

  const box = ({ item, keys, x, y, wide, high, hue, depth }) => {
    const isScope = item.variable === null;
    const share = percent(item.bytes / node.bytes);
    const choose = () => (isScope ? onScope(keys) : onVariable(item.variable));
    const room = Math.floor((wide - 12) / 7);
    const isOpen = isScope && wide > 60 && high > 60;
    const lines = [
      room >= 3 && high >= 18 ? svg('text', { x: x + 7, y: y + 15, 'aria-hidden': 'true' }, shorten(item.name + (isScope ? '/' : ''), room)) : null,
      isOpen && room > item.name.length + 18 ? svg('text', { x: x + wide - 7, y: y + 15, class: 'size', 'text-anchor': 'end', 'aria-hidden': 'true' }, `${bytes(item.bytes)} · ${share}`) : null,
      !isOpen && room >= 9 && high >= 34 ? svg('text', { x: x + 7, y: y + 30, class: 'size', 'aria-hidden': 'true' }, bytes(item.bytes)) : null,
    ];
    const shape = svg('g', {
      class: 'box', tabindex: '0', role: 'button',
      'aria-label': `${isScope ? 'scope' : 'variable'} ${item.full}, ${bytes(item.bytes)}, ${share}`,
      onclick: choose,
      onkeydown: (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(); } },
    }, svg('rect', { x, y, width: wide, height: high, rx: 4, fill: `var(--hue-${hue})`, 'fill-opacity': isScope ? 0.55 : 1 }), lines);
    drawn.push(withTip(shape, `${item.full}${isScope ? '/' : ''}\n${bytes(item.bytes)}, ${share} of ${node.full || 'all'}`));
    if (isOpen) boxesIn(item, keys, x + 4, y + STRIP, wide - 8, high - STRIP - 4, hue, depth + 1);
  };

  const boxesIn = (parent, keys, x, y, wide, high, hue, depth) => {
    const children = [...parent.children.entries()].sort(([, a], [, b]) => b.bytes - a.bytes);
    const few = children.slice(0, Math.max(BOXES_MAX - drawn.length, 0));
    left += children.length - few.length;
    const items = few.map(([key, child]) => ({ ...child, key }));
    squarify(items, x, y, wide, high).forEach((place, i) => box({
      item: place.item, keys: [...keys, place.item.key], x: place.x, y: place.y, wide: place.width, high: place.height,
      hue: depth <= 1 ? (i + 2 * depth) % 8 : hue, depth,
    }));
  };

  boxesIn(node, path, 0, 0, width, height, 0, 0);
  const map = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': `Bytes by scope, ${bytes(node.bytes)} in all` }, drawn);
  put(byId('treemap'),
    drawn.length > 0 ? map : el('p', { class: 'dim' }, 'Nothing here takes any bytes.'),
    left > 0 ? el('p', { class: 'dim hint' }, `and ${counted(left, 'smaller one')}`) : null);
};

