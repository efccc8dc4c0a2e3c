/* Turns the lists of predictions and quizzes into forms. Answers stay in this browser. */
(function () {
  "use strict";
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* private mode */ } },
  };
  const make = (tag, attributes, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };

  function radios(box) {
    const list = box.querySelector(".answers");
    return [...list.children].map((item, i) => {
      const first = item.querySelector("p") || item;
      const input = make("input", { type: "radio", name: box.id, value: String(i), id: `${box.id}-${i}` });
      const label = make("label", { htmlFor: input.id });
      label.append(...first.childNodes);
      first.append(input, " ", label);
      return input;
    });
  }

  function asForm(box) {
    box.setAttribute("role", "group");
    const question = box.querySelector("p");
    question.id = `${box.id}-question`;
    box.setAttribute("aria-labelledby", question.id);
    box.querySelector(".answers").setAttribute("role", "presentation");
    box.querySelectorAll(".answers > li").forEach((item) => item.setAttribute("role", "presentation"));
  }

  function predict(box) {
    asForm(box);
    const inputs = radios(box), key = `prediction:${location.pathname.split("/").pop()}:${box.id}`;
    const slider = make("input", { type: "range", min: "0", max: "100", step: "5", value: "50", id: `${box.id}-sure` });
    const shown = make("output", {}, "50 %");
    const button = make("button", { type: "button", disabled: true }, "Commit, then look");
    const revealed = box.querySelector(".revealed");
    const note = make("p", { className: "noted" });
    note.setAttribute("role", "status");
    slider.addEventListener("input", () => { shown.textContent = `${slider.value} %`; });
    inputs.forEach((i) => i.addEventListener("change", () => { button.disabled = false; }));
    function reveal(saved) {
      inputs.forEach((i) => { i.checked = i.value === saved.answer; });
      slider.value = saved.sure;
      shown.textContent = `${saved.sure} %`;
      note.textContent = `You said this with ${saved.sure} % confidence. Only this browser remembers it.`;
      revealed.hidden = false;
    }
    button.addEventListener("click", () => {
      const picked = inputs.find((i) => i.checked);
      const saved = { answer: picked.value, sure: slider.value };
      store.set(key, saved);
      reveal(saved);
    });
    revealed.hidden = true;
    const sure = make("p", {}, make("label", { htmlFor: slider.id }, "How sure are you? "), slider, " ", shown);
    revealed.before(sure, button, note);
    const saved = store.get(key);
    if (saved) { button.disabled = false; reveal(saved); }
  }

  function quiz(box) {
    asForm(box);
    const said = make("p", { className: "feedback" });
    said.setAttribute("role", "status");
    radios(box).forEach((input, i) => {
      const item = box.querySelector(".answers").children[i];
      const feedback = [...item.children].slice(1);
      feedback.forEach((p) => { p.hidden = true; });
      input.addEventListener("change", () => {
        const right = item.classList.contains("right");
        said.textContent = (right ? "Right. " : "Not quite. ") + feedback.map((p) => p.textContent).join(" ");
        said.dataset.right = right;
      });
    });
    box.append(said);
  }

  document.querySelectorAll("div.predict").forEach(predict);
  document.querySelectorAll("div.quiz").forEach(quiz);
})();
