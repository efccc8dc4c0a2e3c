// Filters and sorting of the tables that chapters show. Without this script they stand there whole.
(function () {
  for (const explorer of document.querySelectorAll(".explorer")) {
    const form = explorer.querySelector("form");
    const status = form.querySelector("[role=status]");
    const selects = [...form.querySelectorAll("select")];
    const body = explorer.querySelector("tbody");
    const rows = [...body.rows];

    function apply() {
      let shown = 0;
      for (const row of rows) {
        const fits = selects.every(
          (s) => !s.value || row.dataset[s.name].split("|").includes(s.value)
        );
        row.hidden = !fits;
        shown += fits;
      }
      status.textContent = shown + " of " + rows.length + " rows";
    }

    const value = (row, place) => {
      const cell = row.cells[place];
      return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
    };

    function sort(head, place) {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const empty = (row) => row.cells[place].textContent === "\u2013";
      const compare = (a, b) => {
        if (empty(a) !== empty(b)) return empty(a) ? 1 : -1; // what is not known stands last
        const [x, y] = [value(a, place), value(b, place)];
        const found = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return up ? found : -found;
      };
      body.append(...[...rows].sort(compare));
    }

    [...explorer.querySelectorAll("thead th")].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(head, place));
      head.replaceChildren(button);
    });
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    form.hidden = selects.length === 0;
    apply();
  }
})();
