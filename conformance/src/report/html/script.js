'use strict';
// Everything that is shown of the report is set as text, never as markup.
const data = JSON.parse(document.getElementById('data').textContent);
const text = place => data.texts[place || 0];
const report = { verdicts: data.verdicts.map(([scenario, kind, verdict, repeat, message, expected, found, evidence, known, followers]) => {
  const [requirement, level, base, target, service, source] = data.kinds[kind].map(text);
  return { requirement, level, base_level: base, target, service, source, scenario: text(scenario), verdict: text(verdict), message: text(message), expected: text(expected),
    found: text(found), evidence: text(evidence), known: text(known), followed_by: text(followers),
    repeat: text(repeat).replace('\u0001', () => text(scenario)).replace('\u0002', () => requirement) };
}) };
const address = v => [v.scenario, v.service, v.requirement].map(encodeURIComponent).join('/');
const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\ufeff\u2028-\u202e\u2066-\u2069]/g;
const visible = text => String(text).replace(hidden, c => c === '\n' ? '\\n' : '\\u{' + c.codePointAt(0).toString(16) + '}');
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) element.append(child instanceof Node ? child : visible(child));
  return element;
}
const kind = verdict => 'v-' + verdict.replace('/', '');
const ROW = 30, LINE = 24, HEAD = 190, ORDER = ['fail', 'error', 'warn', 'pass', 'absent', 'skipped', 'n/a'];
const SIGN = { fail: '✕', error: '!', warn: '▲', pass: '·', absent: '○', skipped: '–', 'n/a': ' ' };
const theme = verdict => verdict.requirement.split('.')[0];
const FIELDS = { theme, level: v => v.level, verdict: v => v.verdict, target: v => v.target, service: v => v.service };
let shown = [], at = 0, cell = { row: 0, column: 0 }, lines = [], columns = [], cases = new Map();

const section = document.getElementById('verdicts');
const search = make('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search in verdicts' });
const filters = make('div', { class: 'filters', role: 'search' }, search);
const selects = {};
for (const [name, of] of Object.entries(FIELDS)) {
  const select = make('select', { 'aria-label': name, id: 'by-' + name }, make('option', { value: '' }, 'every ' + name));
  for (const value of [...new Set(report.verdicts.map(of))].sort()) select.append(make('option', { value }, value));
  selects[name] = select;
  select.addEventListener('change', filter);
  filters.append(select);
}
const view = make('button', { type: 'button', id: 'view' }, 'Show matrix');
const count = make('p', { class: 'soft', role: 'status', id: 'count' });
const place = make('p', { id: 'place', hidden: '' });
const list = make('div', { class: 'window', tabindex: '0', role: 'listbox', 'aria-label': 'Verdicts', id: 'list' }, make('div', {}));
const grid = make('div', { class: 'window', tabindex: '0', role: 'grid', 'aria-label': 'Scenario by requirement', id: 'grid', hidden: '' }, make('div', {}));
filters.append(view);
section.append(make('h2', {}, 'Verdicts'), filters, count, place, list, grid);
section.hidden = false;
const texts = report.verdicts.map(v => [v.requirement, v.scenario, v.service, v.message, v.found, v.expected].join(' ').toLowerCase());

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = Object.entries(FIELDS).filter(([name]) => selects[name].value);
  shown = report.verdicts.filter((v, i) => wanted.every(([name, of]) => of(v) === selects[name].value) && words.every(word => texts[i].includes(word)));
  shown.sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  lines = [...new Set(shown.map(v => v.scenario))].sort();
  columns = [...new Set(shown.map(v => v.requirement))].sort();
  cases = new Map();
  for (const v of shown) {
    const key = JSON.stringify([v.scenario, v.requirement]);
    if (cases.has(key)) cases.get(key).push(v); else cases.set(key, [v]);
  }
  at = 0;
  cell = { row: 0, column: 0 };
  list.scrollTop = grid.scrollTop = 0;
  count.textContent = shown.length + ' of ' + report.verdicts.length + ' verdicts';
  remember();
  draw();
}
// What is filtered and opened stands in the address, so that it can be sent to someone.
let opened = '', reading = false;
function remember() {
  if (reading) return;
  const asked = new URLSearchParams();
  if (search.value) asked.set('q', search.value);
  for (const [name, select] of Object.entries(selects)) if (select.value) asked.set(name, select.value);
  if (!grid.hidden) asked.set('view', 'matrix');
  if (opened) asked.set('verdict-of', opened);
  history.replaceState(null, '', '#' + asked);
}
function recall() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (![...asked].length) return filter();
  reading = true;
  search.value = asked.get('q') || '';
  for (const [name, select] of Object.entries(selects)) select.value = asked.get(name) || '';
  switchTo(asked.get('view') === 'matrix');
  filter();
  reading = false;
  const wanted = asked.get('verdict-of'), verdict = wanted && report.verdicts.find(v => address(v) === wanted);
  if (verdict) open([verdict]);
  else if (asked.get('q')) section.scrollIntoView();
}
const draw = () => grid.hidden ? drawList() : drawGrid();
function between(box, height, length) {
  const first = Math.max(0, Math.floor(box.scrollTop / height) - 5);
  return [first, Math.min(length, first + Math.ceil((box.clientHeight || 600) / height) + 10)];
}
function drawList(all) {
  const inner = list.firstChild, rows = [];
  const [first, end] = all ? [0, Math.min(shown.length, 1000)] : between(list, ROW, shown.length);
  inner.style.setProperty('height', shown.length * ROW + 'px');
  for (let i = first; i < end; i++) {
    const v = shown[i];
    const row = make('div', { class: 'row', role: 'option', id: 'row-' + i, 'aria-selected': i === at, 'aria-setsize': shown.length, 'aria-posinset': i + 1 },
      make('span', { class: kind(v.verdict) }, v.verdict), make('span', { class: 'soft' }, v.level), make('span', {}, v.requirement),
      make('span', {}, v.scenario), make('span', { class: 'soft' }, v.service), make('span', { class: 'soft' }, v.message));
    row.style.setProperty('top', i * ROW + 'px');
    row.addEventListener('click', () => { at = i; drawList(); open([v]); });
    rows.push(row);
  }
  inner.replaceChildren(...rows);
  list.setAttribute('aria-activedescendant', 'row-' + at);
}
const found = (row, column) => cases.get(JSON.stringify([lines[row], columns[column]])) || [];
function heads() {
  const names = columns.map((name, c) => make('span', { class: 'head', role: 'columnheader', title: name, 'aria-selected': c === cell.column }, make('span', {}, name)));
  return make('div', { class: 'heads', role: 'row' }, make('span', { class: 'name', role: 'columnheader' }, 'scenario'), ...names);
}
function drawGrid() {
  const inner = grid.firstChild, rows = [heads()];
  const [first, end] = between(grid, LINE, lines.length);
  inner.style.setProperty('height', HEAD + lines.length * LINE + 'px');
  for (let r = first; r < end; r++) {
    const line = make('div', { class: 'line', role: 'row' }, make('span', { class: 'name', role: 'rowheader' }, lines[r]));
    columns.forEach((requirement, c) => {
      const verdicts = found(r, c), worst = verdicts.length ? verdicts[0].verdict : 'n/a';
      const label = lines[r] + ', ' + requirement + ': ' + (verdicts.length ? worst : 'no verdict');
      const box = make('span', { class: 'cell ' + kind(worst), role: 'gridcell', id: 'cell-' + r + '-' + c, title: visible(label), 'aria-label': visible(label),
        'aria-selected': r === cell.row && c === cell.column }, SIGN[worst]);
      box.addEventListener('click', () => { cell = { row: r, column: c }; drawGrid(); open(verdicts); });
      line.append(box);
    });
    line.style.setProperty('top', HEAD + r * LINE + 'px');
    rows.push(line);
  }
  inner.replaceChildren(...rows);
  const here = found(cell.row, cell.column);
  place.textContent = lines.length ? visible(lines[cell.row] + ' × ' + columns[cell.column] + ': ' + (here.map(v => v.service + ' ' + v.verdict).join(', ') || 'no verdict')) : '';
  grid.setAttribute('aria-activedescendant', 'cell-' + cell.row + '-' + cell.column);
}

// What lies between the common beginning and the common end; what is said of a value's length is no part of it.
const length = text => (text.match(/ \(\d+ bytes[^()]*\)$/) || [''])[0];
function marked(value, other) {
  const whole = visible(value), after = length(whole), a = whole.slice(0, whole.length - after.length);
  const against = visible(other), b = against.slice(0, against.length - length(against).length);
  let start = 0, end = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return make('pre', {}, a.slice(0, start), make('mark', {}, a.slice(start, a.length - end)), a.slice(a.length - end), after);
}
function copy(text) {
  const button = make('button', { type: 'button' }, 'Copy');
  button.addEventListener('click', () => {
    const done = () => { button.textContent = 'Copied'; };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => { button.textContent = 'Not permitted'; });
  });
  return button;
}
// Line ends are kept, all else that steers is shown.
const lined = text => make('pre', { tabindex: '0' }, ...text.split('\n').flatMap(line => [line, document.createElement('br')]));
const detail = document.getElementById('detail');
function open(verdicts) {
  if (!verdicts.length) return;
  const close = make('button', { type: 'button' }, 'Close');
  close.addEventListener('click', () => detail.close());
  detail.replaceChildren(...verdicts.map(article), close);
  opened = verdicts.length === 1 ? address(verdicts[0]) : '';
  remember();
  detail.showModal();
}
detail.addEventListener('close', () => { opened = ''; remember(); });
function article(v) {
  const facts = make('dl', {});
  const add = (name, value) => facts.append(make('dt', {}, name), make('dd', {}, value));
  const level = v.level === v.base_level ? v.level : v.level + ' (core: ' + v.base_level + ')';
  add('Verdict', make('span', { class: kind(v.verdict) }, v.verdict));
  add('Level', level);
  add('In', v.scenario + ' on ' + v.service);
  if (v.message) add('Says', v.message);
  if (v.known) add('Known', v.known);
  if (v.expected) add('Expected', marked(v.expected, v.found));
  if (v.found) add('Found', marked(v.found, v.expected));
  if (v.followed_by) add('So too', make('span', {}, v.followed_by));
  const [asks, why, fix] = data.catalogue[v.requirement] || [];
  if (asks) add('Asks', asks);
  if (why) add('Why', why);
  if (fix) add('Fix', fix);
  if (v.evidence) add('Evidence', make('code', {}, v.evidence));
  const document_ = data.documents[v.evidence.split('#')[0]];
  if (document_) add('Document', make('details', {}, make('summary', {}, v.evidence.split('#')[0]), lined(document_)));
  add('Source', v.source);
  add('Repeat', make('span', {}, make('code', {}, v.repeat), ' ', copy(v.repeat)));
  return make('article', {}, make('h2', {}, v.requirement), facts);
}

const move = { ArrowDown: [1, 0], ArrowUp: [-1, 0], PageDown: [15, 0], PageUp: [-15, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], Home: [-1e9, 0], End: [1e9, 0] };
const within = (value, length) => Math.max(0, Math.min(length - 1, value));
function scroll(box, top, height) {
  if (top < box.scrollTop) box.scrollTop = top;
  if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
}
list.addEventListener('keydown', event => {
  if (event.key === 'Enter' && shown[at]) open([shown[at]]);
  else if (move[event.key] && move[event.key][0]) { at = within(at + move[event.key][0], shown.length); scroll(list, at * ROW, ROW); drawList(); }
  else return;
  event.preventDefault();
});
grid.addEventListener('keydown', event => {
  if (event.key === 'Enter') open(found(cell.row, cell.column));
  else if (move[event.key]) {
    const [down, right] = move[event.key];
    cell = { row: within(cell.row + down, lines.length), column: within(cell.column + right, columns.length) };
    scroll(grid, cell.row * LINE, LINE);
    drawGrid();
    document.getElementById('cell-' + cell.row + '-' + cell.column)?.scrollIntoView({ block: 'nearest', inline: 'center' });
  } else return;
  event.preventDefault();
});
list.addEventListener('scroll', () => drawList());
grid.addEventListener('scroll', () => { if (!grid.hidden) drawGrid(); });
search.addEventListener('input', filter);
function switchTo(matrix) {
  grid.hidden = !matrix;
  list.hidden = matrix;
  place.hidden = !matrix;
  view.textContent = matrix ? 'Show list' : 'Show matrix';
}
view.addEventListener('click', () => { switchTo(grid.hidden); remember(); draw(); });
addEventListener('hashchange', recall);
// Paper shows what is filtered, up to a thousand rows.
addEventListener('beforeprint', () => { list.classList.add('printed'); drawList(true); });
addEventListener('afterprint', () => { list.classList.remove('printed'); draw(); });

const more = document.getElementById('more');
function table(caption, heads, rows) {
  const cells = (tag, row) => make('tr', {}, ...row.map(value => make(tag, {}, value)));
  more.append(make('details', {}, make('summary', {}, caption), make('table', {}, make('thead', {}, cells('th', heads)), make('tbody', {}, ...rows.map(row => cells('td', row))))));
}
if (data.pairs.length) more.append(make('h2', {}, 'What differs between stores'));
for (const { left, right, builds, identical, expected, unexpected, rows } of data.pairs) {
  table(left + ' and ' + right + ': ' + unexpected + ' unexpected, ' + expected + ' expected, ' + identical + ' identical fields in ' + builds + ' builds',
    ['field', 'taken as', 'build', left, right, 'class, source'], rows);
}
if (data.observations.length) more.append(make('h2', {}, 'What was observed'));
if (data.observations.length) table('Left open by the RFC, and what was seen', ['question', 'service', 'seen', 'times'], data.observations);
more.hidden = !more.childNodes.length;
const toggle = document.getElementById('theme');
toggle.hidden = false;
toggle.addEventListener('click', () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
});
recall();
