"""Questions that a reader answers in the page: predictions before a run, and quizzes after it.

Both are ordinary Markdown: a question, a list of answers and, below the list, what is revealed.
Without JavaScript everything is simply visible; with it (``book/_static/quiz.js``) answers become
radio buttons. What a reader picks stays in that reader's browser.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

_RIGHT = "(right) "


class Question(SphinxDirective):
    """The common part: parse the body into a question, its answers, and the rest."""

    required_arguments = 1
    has_content = True
    css = "question"

    def run(self) -> list[nodes.Node]:
        """Return a container that the script turns into a form."""
        slug = directives.class_option(self.arguments[0])[0]
        box = nodes.container(classes=[self.css], ids=[f"{self.css}-{slug}"])
        self.state.nested_parse(self.content, self.content_offset, box)
        answers = next(iter(box.findall(nodes.bullet_list)), None)
        if answers is None or len(answers.children) < 2:
            raise ExtensionError(
                f"{self.env.docname}: {self.css} {slug!r} needs a list of at least two answers"
            )
        answers["classes"].append("answers")
        self.dress(box, answers)
        return [box]

    def dress(self, box: nodes.container, answers: nodes.bullet_list) -> None:
        """Mark what the script needs to find."""
        raise NotImplementedError


class Predict(Question):
    """``{predict} slug``: pick an answer and a confidence, then see what the run found."""

    css = "predict"

    def dress(self, box: nodes.container, answers: nodes.bullet_list) -> None:
        """Put everything below the answers into the part that is revealed."""
        place = box.index(answers)
        revealed = nodes.container(classes=["revealed"])
        revealed += box.children[place + 1 :]
        del box[place + 1 :]
        if not revealed.children:
            raise ExtensionError(f"{self.env.docname}: a prediction needs a text that answers it")
        box += revealed


class Quiz(Question):
    """``{quiz} slug``: each answer has its own feedback; ``(right)`` marks the right one."""

    css = "quiz"

    def dress(self, box: nodes.container, answers: nodes.bullet_list) -> None:
        """Mark the right answer and check that each answer has its feedback."""
        del box
        right = 0
        for item in answers.children:
            if len(item.children) < 2:
                raise ExtensionError(
                    f"{self.env.docname}: the answer {item.astext()[:40]!r} has no feedback; "
                    "add an indented paragraph below it"
                )
            text = next(iter(item.findall(nodes.Text)))
            if text.astext().startswith(_RIGHT):
                right += 1
                item["classes"].append("right")
                text.parent.replace(text, nodes.Text(text.astext().removeprefix(_RIGHT)))
        if right != 1:
            raise ExtensionError(f"{self.env.docname}: a quiz needs one answer marked (right)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both directives and their script."""
    app.add_directive("predict", Predict)
    app.add_directive("quiz", Quiz)
    app.add_js_file("quiz.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
