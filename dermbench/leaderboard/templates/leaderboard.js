"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.hasAttribute("data-value") ? Number(cell.dataset.value) : cell.textContent;
  };
  const empty = (value) => value === "" || value === "\u2013";
  const compare = (one, two) => {
    if (empty(one) || empty(two)) return null;
    if (typeof one === "number" && typeof two === "number") return one - two;
    return String(one).localeCompare(String(two), "en", { numeric: true });
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", column === 0 ? "ascending" : "none");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = Array.from(body.rows, (row, place) => ({ row, place, value: key(row, column) }));
      rows.sort((a, b) => {
        const order = compare(a.value, b.value);
        if (order === null) return empty(a.value) - empty(b.value) || a.place - b.place;
        return (down ? -order : order) || a.place - b.place;
      });
      body.append(...rows.map((item) => item.row));
    });
  });
}
const first = document.querySelector("table.sortable");
if (first) {
  const line = document.createElement("p");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const status = document.createElement("span");
  line.className = "filter";
  label.textContent = "Filter entries ";
  input.type = "search";
  input.id = "filter";
  status.setAttribute("role", "status");
  label.append(input);
  line.append(label, " ", status);
  first.closest(".scroll").before(line);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const table of document.querySelectorAll("table.sortable")) {
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      if (table === first) status.textContent = `${shown} of ${table.tBodies[0].rows.length} entries`;
    }
  });
}
