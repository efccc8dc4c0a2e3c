// Filters of the claims table. Without this script the table stands there whole.
(function () {
  const ledger = document.querySelector(".ledger");
  if (!ledger) return;
  const form = ledger.querySelector("form");
  const status = form.querySelector("[role=status]");
  const selects = [...form.querySelectorAll("select")];
  const rows = [...ledger.querySelectorAll("tbody tr")];

  function apply() {
    let shown = 0;
    for (const row of rows) {
      const fits = selects.every(
        (s) => !s.value || row.dataset[s.name].split("|").includes(s.value)
      );
      row.hidden = !fits;
      shown += fits;
    }
    status.textContent = shown + " of " + rows.length + " claims";
  }

  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  apply();
  // A link to a row may have been followed before the filters were there.
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) target.scrollIntoView();
})();
