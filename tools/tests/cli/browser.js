// What a person would do with the page; what came of it is put into the page.
(async () => {
  const found = {};
  const $ = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll('#table-place tbody th .link')].map((link) => link.textContent);
  const choose = (select, label) => {
    const option = [...select.options].find((one) => one.textContent === label);
    select.value = option.value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const column = (name) => [...document.querySelectorAll('#table-place thead th')].find((th) => th.dataset.key === name);
  const press = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  try {
    found.title = $('title').textContent;
    found.checkpoints = [...$('checkpoint').options].map((option) => option.textContent);
    found.flags = [...document.querySelectorAll('#flag-list .flag')].map((flag) => flag.textContent);

    $('search').value = 'EMBED';
    $('search').dispatchEvent(new Event('input'));
    found.searched = rows();
    found.status = $('found').textContent;
    $('search').value = '';
    $('search').dispatchEvent(new Event('input'));

    column('bytes').querySelector('button').click();
    found.by_bytes = rows();
    found.sort_order = column('bytes').getAttribute('aria-sort');
    column('bytes').querySelector('button').click();
    found.sort_again = column('bytes').getAttribute('aria-sort');

    found.steps = {};
    for (const label of ['step-200', 'step-0']) {
      choose($('checkpoint'), label);
      const link = [...document.querySelectorAll('#table-place tbody .link')].find((one) => one.textContent === 'step');
      const at = [...document.querySelectorAll('#table-place thead th')].findIndex((th) => th.dataset.key === 'max');
      found.steps[label] = link.closest('tr').children[at].textContent;
    }
    found.names_in_step_0 = rows().length;
    while (!$('later').disabled) $('later').click();

    const box = [...document.querySelectorAll('#treemap .box')].find((one) => one.getAttribute('aria-label').startsWith('scope hidden'));
    box.focus();
    press(box, 'Enter');
    found.crumbs = [...$('crumbs').children].map((crumb) => crumb.textContent).filter((text) => text !== '/');
    found.focus_in_treemap = document.activeElement.closest('#treemap') !== null;
    $('crumbs').querySelector('button').click();

    [...document.querySelectorAll('#table-place tbody .link')].find((one) => one.textContent === 'hidden/w').click();
    found.detail = $('detail-heading').textContent;
    found.ridges = document.querySelectorAll('#detail-place .ridge').length;

    choose($('diff-a'), 'step-0');
    choose($('diff-b'), 'step-100');
    found.differing = [...document.querySelectorAll('#diff-place tbody .link')].map((link) => link.textContent).sort();
    choose($('diff-b'), 'step-0');
    found.same = $('diff-summary').textContent;

    found.themes = [0, 1].map(() => { $('theme').click(); return document.documentElement.dataset.theme; }).sort().reverse();

    const name = (node) => node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent;
    found.unnamed = [...document.querySelectorAll('button, select, input, svg[role], [role="button"], [role="region"]')]
      .filter((node) => !node.hidden && !name(node)?.trim()).map((node) => node.outerHTML.slice(0, 80));
    found.wider_than_window = document.documentElement.scrollWidth > document.documentElement.clientWidth + 1;
  } catch (error) {
    window.trouble.push(`${error}\n${error.stack}`);
  }
  found.trouble = window.trouble;
  const place = document.createElement('pre');
  place.id = 'found';
  place.textContent = JSON.stringify(found);
  document.body.append(place);
})();
