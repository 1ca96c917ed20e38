
'use strict';

// Filters to copy. Where the browser does not let a page copy, the text is selected for it.
for (const code of document.querySelectorAll('.filter code')) {
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
