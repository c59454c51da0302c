"use strict";
(() => {
  const table = document.getElementById("vms");
  if (!table) return;
  const body = table.tBodies[0], count = document.getElementById("count"), search = document.getElementById("search");
  const rows = [...body.rows].map((row) => ({
    row,
    cells: [...row.cells].map((cell) => cell.textContent),
    text: [0, 1, 2, 6].map((index) => row.cells[index].textContent.toLowerCase()).join("\n"),
  }));
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = words.length ? `${shown} of ${rows.length} VMs` : `${rows.length} VMs`;
  };
  const collator = new Intl.Collator(undefined, { numeric: true });
  const headers = [...table.tHead.rows[0].cells];
  const sort = (index) => {
    const header = headers[index], up = header.getAttribute("aria-sort") !== "ascending";
    headers.forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort((a, b) => collator.compare(a.cells[index], b.cells[index]) * (up ? 1 : -1));
    body.append(...rows.map(({ row }) => row));
  };
  headers.forEach((header, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(index));
    header.replaceChildren(button);
  });
  body.addEventListener("click", (event) => {
    if (event.target.localName !== "i") return;
    search.value = event.target.textContent;
    show();
  });
  search.addEventListener("input", show);
  const asked = new URLSearchParams(location.hash.slice(1));
  search.value = asked.get("search") || "";
  const column = headers.findIndex((header) => header.textContent === asked.get("sort"));
  if (column >= 0) sort(column);
  document.documentElement.classList.add("script");
  show();
})();
