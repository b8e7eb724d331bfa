// A site in headless Chromium: no console message, no request beyond its own files, nothing serious by axe-core, nothing wider
// than the screen, on a phone, a tablet and a wide screen, light and dark. Usage: node site.mjs FOLDER [FOLDER for screenshots]
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [site, pictures] = process.argv.slice(2);
const some = (folder, most) => readdirSync(join(site, folder)).filter(name => name.endsWith('.html')).slice(0, most).map(name => `${folder}/${name}`);
const pages = ['index.html', 'requirements.html', 'questions.html', 'stores.html', 'consumers.html', ...some('exporters', 2), ...some('requirements', 1), ...some('questions', 1)];
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const tab = await browser.newPage(), errors = [], requests = [];
  await tab.setBypassCSP(true);
  tab.on('pageerror', error => errors.push(String(error)));
  tab.on('console', message => errors.push(message.text()));
  tab.on('request', request => requests.push(request.url()));
  tab.on('requestfailed', request => errors.push('failed: ' + request.url()));
  for (const page of pages) {
    for (const [width, scheme] of [[360, 'light'], [900, 'dark'], [1400, 'light']]) {
      await tab.setViewport({ width, height: 900 });
      await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await tab.goto('file://' + resolve(site, page));
      const wide = await tab.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${page} is ${wide} px wider than ${width}`);
      assert.equal(await tab.$('script'), null, `${page} has a script`);
      if (pictures) await tab.screenshot({ path: join(pictures, `${page.replaceAll('/', '-')}-${width}-${scheme}.png`), fullPage: true });
      // What axe-core itself asks for is not the page's.
      const asked = requests.length, said = errors.length;
      await tab.addScriptTag({ content: axe });
      const found = await tab.evaluate(() => window.axe.run({ preload: false }).then(({ violations }) => violations.map(one => [one.impact, one.id, one.nodes[0].html])));
      assert.deepEqual(found.filter(([impact]) => ['serious', 'critical'].includes(impact)), [], `axe-core: ${page} at ${width}, ${scheme}`);
      requests.length = asked;
      errors.length = said;
    }
  }
  // The keyboard reaches the content first, and paper has no navigation.
  await tab.goto('file://' + resolve(site, 'index.html'));
  await tab.keyboard.press('Tab');
  assert.equal(await tab.evaluate(() => document.activeElement.getAttribute('href')), '#content');
  await tab.emulateMediaType('print');
  assert.equal(await tab.$eval('header', header => getComputedStyle(header).display), 'none');
  assert.deepEqual(errors, []);
  assert.deepEqual(requests.filter(url => !url.startsWith('file://' + resolve(site)) && !url.startsWith('data:')), []);
  console.log(`site: ${pages.length} pages at three widths, light and dark`);
} finally {
  await browser.close();
}
