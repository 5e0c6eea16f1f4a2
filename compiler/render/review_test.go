package render_test

import (
	"encoding/json"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// hostile is strings that would be something else than text on a terminal, in a comment or in a picture.
var hostile = []string{
	"\x1b[31mred\x1b[0m", "\x1b]0;title\a", "a\u202eb\u2066c", "a\u00adb\u200bc\u3164", "\x9b31m", "\u009b31m", "a\nb\r\nc\td\x00\x7f",
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details></td></table>", "<!-- ", "-->", "&lt;&#60;&amp;",
	"| a | b |", `\| \\| |`, "`a` ``b`` ```", "```mermaid", "~~~", "# heading", "> quote", "* list", "1. list", "---", "| --- |", "***b*** __c__ ~~d~~",
	"[a](javascript:alert(1))", "![a](https://example.com/x.png)", "[a]: https://example.com", "[^1]", "https://example.com", "www.example.com", "a@example.com", "@team", "#1", ":+1:", "$x^2$",
	`"]`, `"] --> x["`, "end", "subgraph x", "%%{init: {}}%%", "%% comment", "click h0 call alert()", "#quot;", "#35;", "|x|", "classDef a fill:#f00", "A & B", "{{", "}}", "((", "@{ shape: x }", strings.Repeat("long ", 60),
	"⚠️ → −", "日本語", "\U0001F600", "\U000e0041", "a\ufe0eb\U000e0101", "e\u0301\u0336", "\xff\xfe", "${{ inputs.x }}", `\u202e`, "\u2028", "a  b   c", "",
}

// hostilePlan has each kind of step, with hostile strings in all of its strings.
func hostilePlan(from int) *plan.Plan {
	p := &plan.Plan{Name: hostile[from%len(hostile)], File: hostile[(from+1)%len(hostile)]}
	n := from
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			n++
			v.SetString(hostile[n%len(hostile)])
		case reflect.Int:
			v.SetInt(int64(n))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
			fill(v.Index(1))
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		}
	}
	for _, k := range plan.Kinds() {
		s := k.New()
		fill(reflect.ValueOf(s).Elem())
		switch s := s.(type) { // words that decide how a step is shown
		case *plan.Mount:
			s.Type = []string{"bind", "overlay", s.Type}[from%3]
		case *plan.Rootfs:
			s.Type = "dir"
		case *plan.Env:
			s.Pass = []string{"always", ""}[from%2]
		}
		p.Add(s, plan.Position{Line: 3, Col: 1, Key: "x"})
	}
	fill(reflect.ValueOf(&p.Waivers).Elem())
	return p
}

func reviewOf(t testing.TB, from, to *plan.Plan, name string) *render.Review {
	t.Helper()
	d, err := diff.Compare(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return &render.Review{Diff: d, OldName: name, NewName: name, URI: name}
}

// Nothing that a Boxfile says is obeyed by a terminal: what is printed is letters and line ends.
func TestNoStringOfAReviewReachesTheTerminal(t *testing.T) {
	for i := range hostile {
		a, b := hostilePlan(i), hostilePlan(i+7)
		r := reviewOf(t, a, b, hostile[i])
		for form, write := range map[string]func(*strings.Builder) error{
			"text": func(w *strings.Builder) error { return render.DiffText(w, r) }, "json": func(w *strings.Builder) error { return render.DiffJSON(w, r) },
			"markdown": func(w *strings.Builder) error { return render.DiffMarkdown(w, r) }, "sarif": func(w *strings.Builder) error { return render.DiffSARIF(w, r) },
			"plan": func(w *strings.Builder) error { return render.Markdown(w, a) },
		} {
			var out strings.Builder
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			bad := func(r rune) bool { return r != '\n' && r != '\ufe0f' && (!strconv.IsPrint(r) || plan.Blank(r)) } // the headline's sign has an FE0F
			if at := strings.IndexFunc(out.String(), bad); at >= 0 {
				t.Errorf("%s, %q: %q", form, hostile[i], out.String()[at:min(at+40, out.Len())])
			}
		}
	}
}

// A quoted string is never divided between lines: its spaces are its own.
func TestQuotedStringsStayWhole(t *testing.T) {
	p, q := &plan.Plan{Name: "x"}, &plan.Plan{Name: "x"}
	p.Add(&plan.Exec{Args: []string{"a"}}, plan.Position{})
	value := strings.Repeat(`two  "words"  `, 9)
	q.Add(&plan.Exec{Args: []string{value}}, plan.Position{})
	var out strings.Builder
	if err := render.DiffText(&out, reviewOf(t, p, q, "x")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), plan.Literal(value)) {
		t.Error(out.String())
	}
}

// In a comment everything from a Boxfile is text in a cell: the Markdown that a
// reader gets has no element that boxfile has not made, and shows each change as it is.
func TestNothingOfABoxfileIsMarkdown(t *testing.T) {
	for i := range hostile {
		a, b := hostilePlan(i), hostilePlan(i+7)
		r := reviewOf(t, a, b, hostile[i])
		r.Changes = r.Changes[:min(len(r.Changes), 60)] // a comment has room for them
		var out strings.Builder
		if err := render.DiffMarkdown(&out, r); err != nil {
			t.Fatal(err)
		}
		cells := checkMarkdown(t, hostile[i], out.String())
		for c := range r.Changes {
			if what := r.Changes[c].What(); !slices.Contains(cells, what) {
				t.Errorf("%q: no cell says %q", hostile[i], what)
			}
		}
		out.Reset()
		if err := render.Markdown(&out, a); err != nil {
			t.Fatal(err)
		}
		cells = checkMarkdown(t, hostile[i], out.String())
		for _, s := range a.Steps {
			if w := strings.Join(strings.Fields(render.Words(s)), " "); !slices.ContainsFunc(cells, func(c string) bool { return strings.Join(strings.Fields(c), " ") == w }) {
				t.Errorf("%q: no cell says %q", hostile[i], w)
			}
		}
	}
}

// No string at all is Markdown.
func FuzzMarkdown(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		p, q := &plan.Plan{Name: a}, &plan.Plan{Name: b}
		p.Add(&plan.Exec{Args: []string{a}}, plan.Position{})
		q.Add(&plan.Exec{Args: []string{b, a}}, plan.Position{})
		q.Add(&plan.Mount{Type: "bind", Source: a, Target: b}, plan.Position{})
		var out strings.Builder
		if err := render.DiffMarkdown(&out, reviewOf(t, p, q, b)); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, a, out.String())
	})
}

// checkMarkdown renders as GitHub does, wants none but the elements that boxfile makes, and returns what the cells say.
func checkMarkdown(t *testing.T, name, source string) []string {
	t.Helper()
	src := []byte(source)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))
	var cells []string
	err := ast.Walk(md.Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.TextBlock, *east.Table, *east.TableHeader, *ast.HTMLBlock, *ast.Heading, *ast.String:
		case *ast.Emphasis: // of boxfile's own: more changes do not fit
		case *ast.FencedCodeBlock:
			if lang := string(n.Language(src)); lang != "mermaid" {
				t.Errorf("%q: a block of code in %q", name, lang)
			}
		case *ast.RawHTML:
			tag := string(n.Segments.Value(src))
			if tag != "<code>" && tag != "</code>" {
				t.Errorf("%q: HTML %s", name, tag)
			}
		case *east.TableRow:
			if n.ChildCount() != 2 && n.ChildCount() != 4 {
				t.Errorf("%q: a row of %d cells", name, n.ChildCount())
			}
		case *east.TableCell:
			cells = append(cells, cellText(n, src))
		default:
			t.Errorf("%q: %s", name, n.Kind())
		}
		if h, ok := n.(*ast.HTMLBlock); ok {
			for i := range h.Lines().Len() {
				line := h.Lines().At(i)
				l := strings.TrimSpace(string(line.Value(src)))
				if l != "</details>" && !(strings.HasPrefix(l, "<details><summary>") && strings.HasSuffix(l, "</summary>") && strings.Count(l, "<") == 3) && l != "" {
					t.Errorf("%q: a block of HTML %s", name, l)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// cellText is what a page shows of a cell: several spaces are one there, unless they are hard ones.
func cellText(n ast.Node, src []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Value(src))
		}
	}
	shown := html.UnescapeString(b.String())
	for strings.Contains(shown, "  ") {
		shown = strings.ReplaceAll(shown, "  ", " ")
	}
	return strings.ReplaceAll(shown, "\u00a0", " ")
}

// A comment that is too long for GitHub would be none: names of files, which whoever
// changes them chooses, cannot make it so, and neither can many changes and risks.
func TestACommentIsNotTooLong(t *testing.T) {
	a, b := &plan.Plan{Name: "x"}, &plan.Plan{Name: "x"}
	a.Add(&plan.Exec{Args: []string{"a"}}, plan.Position{Line: 1, Col: 1})
	b.Add(&plan.Exec{Args: []string{"b"}}, plan.Position{Line: 1, Col: 1})
	for i := range 900 {
		b.Add(&plan.Mount{Type: "bind", Source: "/etc/shadow", Target: "/" + strconv.Itoa(i)}, plan.Position{Line: 2, Col: 1})
	}
	for _, name := range []string{"x", strings.Repeat("\xff", 4000), strings.Repeat("<", 4000)} {
		r := reviewOf(t, a, b, name)
		r.OldName += "."
		var out strings.Builder
		if err := render.DiffMarkdown(&out, r); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 60000 || !strings.Contains(out.String(), "more changes do not fit here") || !regexp.MustCompile(`(?m)^\| and \d+ more \| \|$`).MatchString(out.String()) {
			t.Errorf("%.10q: %d bytes\n%.1000s", name, out.Len(), out.String())
		}
	}
}

// A long name pushes nothing out of sight: what is given is said to its end, in the table of changes and in that of risks.
func TestALongNameHidesNothing(t *testing.T) {
	a, b := &plan.Plan{Name: "x"}, &plan.Plan{Name: "x"}
	exec := &plan.Exec{Args: []string{"a"}}
	a.Add(exec, plan.Position{Line: 1, Col: 1})
	b.Add(&plan.Mount{Type: "bind", Source: "/etc/" + strings.Repeat("a", 400), Target: "/a"}, plan.Position{Line: 2, Col: 1})
	b.Add(exec, plan.Position{Line: 1, Col: 1})
	for form, write := range map[string]func(io.Writer, *render.Review) error{"text": render.DiffText, "markdown": render.DiffMarkdown, "sarif": render.DiffSARIF} {
		var out strings.Builder
		if err := write(&out, reviewOf(t, a, b, "x")); err != nil {
			t.Fatal(err)
		}
		said := strings.Join(strings.Fields(html.UnescapeString(out.String())), " ")
		for _, want := range []string{"a at /a (read-write)", "a at /a, read-write"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s: nothing says %q in\n%s", form, want, said)
			}
		}
	}
}

// The real Mermaid reads the picture, and finds the nodes and arrows that boxfile has drawn, and no more.
func TestMermaidReadsThePicture(t *testing.T) {
	modules := os.Getenv("BOXFILE_TEST_NODE_MODULES")
	if _, err := os.Stat(filepath.Join(modules, "mermaid")); modules == "" || err != nil {
		t.Skip("BOXFILE_TEST_NODE_MODULES names no folder with the npm packages mermaid and jsdom")
	}
	type picture struct {
		Text         string
		Nodes, Edges int
	}
	var all []picture
	for i := range hostile {
		var out strings.Builder
		a, b := hostilePlan(i), hostilePlan(i+7)
		if err := render.DiffMarkdown(&out, &render.Review{Diff: reviewOf(t, a, b, "x").Diff, OldName: "x", NewName: "x"}); err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(out.String(), "```mermaid\n")
		if !ok { // it did not fit
			out.Reset()
			if err := render.Markdown(&out, b); err != nil {
				t.Fatal(err)
			}
			_, rest, _ = strings.Cut(out.String(), "```mermaid\n")
		}
		text, _, _ := strings.Cut(rest, "```")
		all = append(all, picture{text, strings.Count(text, `["`) - 2, strings.Count(text, "-->") + strings.Count(text, "==>")})
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "read.mjs")
	if err := os.WriteFile(script, []byte(readPictures), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(filepath.Dir(script), "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script)
	cmd.Stdin = strings.NewReader(string(in))
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != strconv.Itoa(len(all)) {
		t.Errorf("%v\n%s", err, out)
	}
}

const readPictures = `import { JSDOM } from 'jsdom';
import fs from 'node:fs';
const { window } = new JSDOM('');
globalThis.window = window; globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');
let good = 0;
for (const p of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  try {
    await mermaid.parse(p.Text);
    const d = await mermaid.mermaidAPI.getDiagramFromText(p.Text);
    const nodes = d.db.getVertices().size, edges = d.db.getEdges().length;
    if (nodes !== p.Nodes || edges !== p.Edges) console.log('nodes', nodes, 'of', p.Nodes, 'edges', edges, 'of', p.Edges, p.Text); else good++;
  } catch (e) { console.log(String(e), p.Text) }
}
console.log(good);
`
