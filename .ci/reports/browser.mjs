// The HTML report in headless Chromium: hostile values stay text, filters and keyboard work, 15,000 verdicts open fast.
// The report's run failed on a title with <b> in it. Usage: node browser.mjs REPORT.html [FOLDER for screenshots]
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import puppeteer from 'puppeteer-core';

const [file, pictures] = process.argv.slice(2);
const payloads = ['<script>window.hit=1</script>', '<img src=x onerror="window.hit=1">', '"><style>*{display:none}</style>',
  '</script><script>window.hit=1</script>', "' onmouseover='window.hit=1", '<svg/onload=window.hit=1>', '\u202e{{script}}'];
const page = readFileSync(file, 'utf8');
const start = page.indexOf('id="data">') + 10, end = page.indexOf('</script>', start);
const report = JSON.parse(page.slice(start, end)), own = report.verdicts;
report.verdicts = Array.from({ length: 15000 }, (_, i) => ({ ...own[i % own.length], scenario: own[i % own.length].scenario + '-' + Math.floor(i / own.length) }));
payloads.forEach((text, i) => {
  Object.assign(report.verdicts[i], { verdict: 'fail', message: 'hostile ' + text, expected: '{"a":"' + text + '"}', found: '{"b":"' + text + '"} (9 bytes, other from byte 3 on)',
    evidence: text, scenario: text, repeat: text, source: text });
  report.observations.push({ question: text, service: text, answer: text });
});
const expected = { field: 'created', relation: 'expected', left: '1', right: '2', class: 'time', source: 'RFC' };
const spoiled = { field: payloads[3], relation: 'unexpected', left: payloads[4], right: payloads[5], class: '', source: '' };
report.differences = Array.from({ length: 300 }, (_, i) => ({ scenario: payloads[0] + i, step: 1, left: payloads[1], right: i % 2 ? payloads[2] : payloads[5],
  identical: ['a'], differences: i === 299 ? [expected, spoiled] : [expected] }));
const data = JSON.stringify(report).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');

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
  const unhurt = async () => assert.equal(await tab.evaluate(() => window.hit === undefined && !document.querySelector('main img, main svg, main style, main script, dialog img, dialog svg, dialog style, dialog script, [onmouseover]')), true);
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
    const expected = report.verdicts.filter(v => (name === 'theme' ? v.requirement.split('.')[0] : v[name]) === value).length;
    assert.equal(await rows(), expected, name);
    await tab.select('#by-' + name, '');
  }
  await tab.click('#view');
  await tab.waitForSelector('.cell');
  await tab.focus('#grid');
  await tab.keyboard.press('ArrowRight');
  assert.equal(await tab.$eval('#grid', grid => grid.getAttribute('aria-activedescendant')), 'cell-0-1');
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
  const plain = await browser.newPage();
  await plain.setJavaScriptEnabled(false);
  await plain.goto('file://' + hostile);
  assert.ok(await plain.$('.answer'), 'the overview needs no script');
  assert.deepEqual(errors, []);
  assert.deepEqual(requests.filter(url => !url.startsWith('file://')), []);
  assert.ok(took < 5000, 'opened in ' + took + ' ms');
  console.log('html: ' + report.verdicts.length + ' verdicts opened in ' + took + ' ms, ' + payloads.length + ' payloads stayed text');
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
