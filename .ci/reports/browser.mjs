// The HTML report in headless Chromium: hostile values stay text, filters and keyboard work, 15,000 verdicts open fast.
// The report's run failed on a title with <b> in it. Usage: node browser.mjs REPORT.html [FOLDER for screenshots]
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const [file, pictures] = process.argv.slice(2);
const payloads = ['<script>window.hit=1</script>', '<img src=x onerror="window.hit=1">', '"><style>*{display:none}</style>',
  '</script><script>window.hit=1</script>', "' onmouseover='window.hit=1", '<svg/onload=window.hit=1>', '\u202e{{script}}'];
const page = readFileSync(file, 'utf8');
const start = page.indexOf('id="data">') + 10, end = page.indexOf('</script>', start);
const report = JSON.parse(page.slice(start, end)), own = report.verdicts;
const place = text => report.texts.push(text) - 1;
report.verdicts = Array.from({ length: 15000 }, (_, i) => {
  const row = [...own[i % own.length]];
  if (i >= own.length) row[0] = place(report.texts[row[0]] + '-' + Math.floor(i / own.length));
  return row;
});
payloads.forEach((text, i) => {
  const kind = [...report.kinds[report.verdicts[i][1]]], at = place(text);
  kind[5] = at;
  report.verdicts[i] = [at, report.kinds.push(kind) - 1, place('fail'), at, place('hostile ' + text), place('{"a":"' + text + '"}'),
    place('{"b":"' + text + '"} (9 bytes, other from byte 3 on)'), at, at, at];
  report.documents[text] = text + '\n' + text;
  report.observations.push([text, text, text, 1]);
});
const row = relation => [payloads[3], relation, payloads[0], payloads[4], payloads[5], ''];
const pair = (left, right, rows) => ({ left, right, builds: 150, identical: 150, expected: 150, unexpected: rows.length - 1, rows });
report.pairs = [pair(payloads[1], payloads[2], [row('unexpected'), row('expected')]), pair(payloads[1], payloads[5], [row('expected')])];
const field = { theme: k => report.texts[k[0]].split('.')[0], level: k => report.texts[k[1]], target: k => report.texts[k[3]], service: k => report.texts[k[4]] };
const valued = (name, verdict) => name === 'verdict' ? report.texts[verdict[2]] : field[name](report.kinds[verdict[1]]);
const data = JSON.stringify(report).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');

// What axe-core finds serious, on a wide page and on a phone, light and dark.
async function serious(browser, url) {
  const tab = await browser.newPage();
  await tab.setBypassCSP(true);
  for (const [width, scheme] of [[1400, 'light'], [1400, 'dark'], [420, 'light']]) {
    await tab.setViewport({ width, height: 900 });
    await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await tab.goto(url);
    if (pictures) await tab.screenshot({ path: join(pictures, `page-${width}-${scheme}.png`), fullPage: true });
    await tab.addScriptTag({ content: axe });
    const found = await tab.evaluate(() => window.axe.run().then(({ violations }) => violations.map(one => [one.impact, one.id, one.nodes[0].html])));
    assert.deepEqual(found.filter(([impact]) => ['serious', 'critical'].includes(impact)), [], `axe-core at ${width}, ${scheme}`);
  }
  await tab.close();
}

const folder = mkdtempSync(join(tmpdir(), 'report-'));
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const hostile = join(folder, 'hostile.html');
  writeFileSync(hostile, page.slice(0, start) + data + page.slice(end));
  const tab = await browser.newPage(), errors = [], requests = [];
  tab.on('pageerror', error => errors.push(String(error)));
  tab.on('console', message => { if (['error', 'warn'].includes(message.type())) errors.push(message.text()); });
  tab.on('request', request => requests.push(request.url()));
  await tab.setViewport({ width: 1280, height: 900 });
  const began = Date.now();
  await tab.goto('file://' + hostile);
  await tab.waitForSelector('.row');
  const took = Date.now() - began;
  const picture = async name => { if (pictures) await tab.screenshot({ path: join(pictures, name + '.png') }); };
  const rows = () => tab.$eval('#count', element => Number(element.textContent.split(' ')[0]));
  const unhurt = async () => assert.equal(await tab.evaluate(() => window.hit === undefined && !document.querySelector('main img, main svg:not(.themes *), main style, main script, dialog img, dialog svg, dialog style, dialog script, [onmouseover]')), true);
  assert.equal(await rows(), 15000);
  assert.ok(await tab.$$eval('.row', all => all.length) < 100, 'rows are drawn as they are seen');
  await picture('overview');
  await tab.type('input[type=search]', 'hostile');
  assert.equal(await rows(), payloads.length);
  await tab.focus('#list');
  for (let i = 0; i < payloads.length; i++) {
    await tab.keyboard.press('Enter');
    assert.equal(await tab.$eval('dialog', dialog => dialog.open && dialog.querySelectorAll('mark').length === 2), true);
    assert.deepEqual(await tab.$$eval('dialog mark', all => all.map(one => one.textContent)), ['a', 'b']);
    await unhurt();
    if (i === 0) await picture('verdict');
    await tab.keyboard.press('Escape');
    assert.equal(await tab.$eval('dialog', dialog => dialog.open), false);
    await tab.keyboard.press('ArrowDown');
  }
  await tab.$eval('input[type=search]', input => { input.value = ''; input.dispatchEvent(new Event('input')); });
  for (const name of ['theme', 'level', 'verdict', 'target', 'service']) {
    const value = await tab.$eval('#by-' + name, select => select.options[1].value);
    await tab.select('#by-' + name, value);
    const expected = report.verdicts.filter(verdict => valued(name, verdict) === value).length;
    assert.equal(await rows(), expected, name);
    assert.ok(decodeURIComponent(await tab.evaluate(() => location.hash)).includes(name + '=' + value), 'the filter has an address');
    await tab.select('#by-' + name, '');
  }
  await tab.click('#view');
  await tab.waitForSelector('.cell');
  await tab.focus('#grid');
  await tab.keyboard.press('ArrowRight');
  assert.equal(await tab.$eval('#grid', grid => grid.getAttribute('aria-activedescendant')), 'cell-0-1');
  assert.ok(await tab.$$eval('.head', all => all.length > 20 && all.every(one => one.textContent.includes('.'))), 'columns have names');
  await picture('matrix');
  await tab.$$eval('details', all => all.forEach(one => { one.open = true; }));
  await unhurt();
  const tables = await tab.$$eval('#more details', all => all.map(one => [one.firstChild.textContent, [...one.querySelectorAll('tbody tr')].map(row => row.children[1].textContent).join()]));
  const compared = tables.filter(([caption]) => caption.includes('identical fields')).map(([caption, kinds]) => [caption.split(': ').pop(), kinds]);
  assert.deepEqual(compared, [['1 unexpected, 150 expected, 150 identical fields in 150 builds', 'unexpected,expected'],
    ['0 unexpected, 150 expected, 150 identical fields in 150 builds', 'expected']], 'a table for each pair, unexpected first');
  await tab.$eval('#more', element => element.scrollIntoView());
  await picture('differences');
  await tab.$$eval('details', all => all.forEach(one => { one.open = false; }));
  await tab.evaluate(() => scrollTo(0, 0));
  await tab.click('#view');
  await tab.click('#theme');
  await picture('dark');
  await tab.setViewport({ width: 420, height: 900 });
  assert.ok(await tab.$$eval('.profiles th', all => all.every(one => one.offsetHeight < 70)), 'names of profiles stay whole');
  await picture('narrow');
  await tab.setViewport({ width: 800, height: 1100 });
  await tab.click('#view');
  await tab.emulateMediaType('print');
  await tab.evaluate(() => dispatchEvent(new Event('beforeprint')));
  assert.equal(await tab.$$eval('.row', all => all.length), 1000, 'paper has the first thousand');
  assert.equal(await tab.$eval('#list', element => getComputedStyle(element).display), 'block', 'paper has the list, also from the matrix');
  assert.equal(await tab.$eval('.filters', element => getComputedStyle(element).display), 'none');
  await picture('print');
  const unchanged = await browser.newPage();
  await unchanged.goto('file://' + resolve(file));
  await unchanged.type('input[type=search]', 'verbatim <b>');
  await unchanged.click('.row');
  const [elements, text] = await unchanged.$eval('dialog', dialog => [dialog.querySelectorAll('b').length, dialog.textContent]);
  assert.ok(elements === 0 && text.includes('</b>'), 'markup that travelled through an image stays text');
  assert.ok(text.includes('Why') && text.includes('Fix'), 'why and how to fix it');
  const sent = await browser.newPage();
  await sent.goto(await unchanged.evaluate(() => location.href));
  assert.equal(await sent.$eval('dialog', dialog => dialog.open), true, 'a verdict has an address');
  const plain = await browser.newPage();
  await plain.setJavaScriptEnabled(false);
  await plain.goto('file://' + hostile);
  assert.ok(await plain.$('.answer') && await plain.$('.themes svg') && await plain.$('details.group'), 'answer, picture and failures need no script');
  assert.deepEqual(errors, []);
  assert.deepEqual(requests.filter(url => !url.startsWith('file://')), []);
  await serious(browser, 'file://' + resolve(file));
  assert.ok(took < 5000, 'opened in ' + took + ' ms');
  console.log('html: ' + report.verdicts.length + ' verdicts opened in ' + took + ' ms, ' + payloads.length + ' payloads stayed text');
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
