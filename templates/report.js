
'use strict';

// Filters and commands to copy. Where the browser does not let a page copy, the text is selected for it.
for (const code of document.querySelectorAll('.copy code')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'Selected: copy with Ctrl+C';
    }
  });
  code.after(button);
}

// Tables that sort by any column: numbers the largest first, names in their order.
const compare = (a, b) => {
  if (a.dataset.value !== undefined && b.dataset.value !== undefined) {
    const [x, y] = [BigInt(a.dataset.value), BigInt(b.dataset.value)];
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return a.textContent.localeCompare(b.textContent, 'en', { numeric: true });
};

for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const first = head.classList.contains('number') ? 'descending' : 'ascending';
      const next = before === 'ascending' ? 'descending' : before === 'descending' ? 'ascending' : first;
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', next);
      const sign = next === 'ascending' ? 1 : -1;
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => sign * compare(a.cells[column], b.cells[column]));
      table.tBodies[0].append(...rows);
    });
  });
}

// What a bar counts and who changed what, without the delay of the browser's own hint.
const hover = document.createElement('div');
hover.className = 'hover';
hover.hidden = true;
document.body.append(hover);
for (const column of document.querySelectorAll('.column, .change')) {
  const title = column.querySelector('title');
  const text = title.textContent;
  title.remove();
  column.setAttribute('aria-label', text);
  const show = (x, y) => {
    hover.textContent = text;
    hover.hidden = false;
    hover.style.left = '0';
    const left = Math.min(x + 14, innerWidth - hover.offsetWidth - 4);
    const top = y + 18 + hover.offsetHeight > innerHeight ? y - hover.offsetHeight - 10 : y + 18;
    hover.style.left = `${Math.max(left, 4)}px`;
    hover.style.top = `${top}px`;
  };
  const showAtPointer = (event) => show(event.clientX, event.clientY);
  const hide = () => { hover.hidden = true; };
  column.addEventListener('pointerenter', showAtPointer);
  column.addEventListener('pointermove', showAtPointer);
  column.addEventListener('pointerleave', hide);
  column.addEventListener('focus', () => {
    const box = column.getBoundingClientRect();
    show(box.left, box.bottom - 10);
  });
  column.addEventListener('blur', hide);
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') hover.hidden = true; });

// A link to a folded finding opens it, and paper shows all of them.
const openTarget = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const folded = target && target.closest('details');
  if (folded) {
    folded.open = true;
    target.scrollIntoView();
  }
};
addEventListener('hashchange', openTarget);
openTarget();
const folds = [...document.querySelectorAll('.finding details, #summary details')];
let closed = [];
addEventListener('beforeprint', () => {
  closed = folds.filter((fold) => !fold.open);
  closed.forEach((fold) => { fold.open = true; });
});
addEventListener('afterprint', () => closed.forEach((fold) => { fold.open = false; }));
