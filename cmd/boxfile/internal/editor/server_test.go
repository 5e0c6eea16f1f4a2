//go:build unix

package editor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// server is a yaml-language-server, spoken to as by an editor.
type server struct {
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	schema string // for files that name none
	asked  int
	said   map[string][]string // of each document: "LINE: message"
}

// start starts the server with the schema that boxfile prints.
func start(t *testing.T) *server {
	t.Helper()
	modules := os.Getenv("BOXFILE_TEST_NODE_MODULES")
	if modules == "" {
		fixture.Skip(t, "BOXFILE_TEST_NODE_MODULES names no folder with yaml-language-server in it")
	}
	dir := t.TempDir()
	boxfile, schema := filepath.Join(dir, "boxfile"), filepath.Join(dir, "boxfile.schema.json")
	if err := fixture.Build("../..", boxfile); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(boxfile, "schema").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(schema, text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join(modules, "yaml-language-server", "bin", "yaml-language-server"), "--stdio")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(4*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &server{t: t, in: in, out: bufio.NewReader(out), schema: schema, said: map[string][]string{}}
	s.ask("initialize", object{"processId": os.Getpid(), "rootUri": nil, "capabilities": object{
		"workspace":    object{"configuration": true},
		"textDocument": object{"hover": object{"contentFormat": []string{"markdown"}}, "completion": object{}},
	}})
	s.send(object{"method": "initialized", "params": object{}})
	s.send(object{"method": "workspace/didChangeConfiguration", "params": object{"settings": object{"yaml": s.settings()}}})
	const wrong = "file:///boxes/ready.yaml" // until the server knows the schema it finds nothing
	for s.open(wrong, "boxfile: 2\n"); len(s.said[wrong]) == 0; {
		s.receive()
	}
	return s
}

type object = map[string]any

// settings are those of docs/editors.md, and none of the catalogue of schemas on the network.
func (s *server) settings() object {
	return object{
		"validate": true, "hover": true, "completion": true, "schemaStore": object{"enable": false},
		"schemas": object{"file://" + s.schema: []string{"/boxes/*.yaml"}},
	}
}

func (s *server) send(m object) {
	s.t.Helper()
	m["jsonrpc"] = "2.0"
	b, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(b), b); err != nil {
		s.t.Fatal(err)
	}
}

type message struct {
	ID                    json.RawMessage
	Method                string
	Params, Result, Error json.RawMessage
}

// receive takes one message, and answers what the server asks.
func (s *server) receive() *message {
	s.t.Helper()
	size := 0
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("yaml-language-server has gone: %v", err)
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			size, _ = strconv.Atoi(v)
		}
	}
	b, m := make([]byte, size), &message{}
	if _, err := io.ReadFull(s.out, b); err != nil {
		s.t.Fatal(err)
	}
	s.read(b, m)
	switch {
	case m.Method == "textDocument/publishDiagnostics":
		s.published(m.Params)
	case m.Method == "workspace/configuration":
		var p struct{ Items []struct{ Section string } }
		s.read(m.Params, &p)
		answers := make([]any, len(p.Items))
		for i, item := range p.Items {
			if item.Section == "yaml" {
				answers[i] = s.settings()
			}
		}
		s.send(object{"id": m.ID, "result": answers})
	case m.Method != "" && m.ID != nil:
		s.send(object{"id": m.ID, "result": nil})
	}
	return m
}

func (s *server) read(b []byte, into any) {
	s.t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		s.t.Fatalf("%v in %s", err, b)
	}
}

func (s *server) published(params json.RawMessage) {
	var p struct {
		URI         string
		Diagnostics []struct {
			Message string
			Range   struct{ Start struct{ Line int } }
		}
	}
	s.read(params, &p)
	list := []string{}
	for _, d := range p.Diagnostics {
		list = append(list, fmt.Sprintf("%d: %s", d.Range.Start.Line+1, d.Message))
	}
	s.said[p.URI] = list
}

// ask sends a request and waits for its answer.
func (s *server) ask(method string, params any) json.RawMessage {
	s.t.Helper()
	s.asked++
	s.send(object{"id": s.asked, "method": method, "params": params})
	for {
		m := s.receive()
		if m.Method == "" && string(m.ID) == strconv.Itoa(s.asked) {
			if m.Error != nil {
				s.t.Fatalf("%s: %s", method, m.Error)
			}
			return m.Result
		}
	}
}

func (s *server) open(uri, text string) {
	s.send(object{"method": "textDocument/didOpen", "params": object{
		"textDocument": object{"uri": uri, "languageId": "yaml", "version": 1, "text": text}}})
}

// verdict waits until something was said of a document, be it nothing.
func (s *server) verdict(uri string) []string {
	s.t.Helper()
	for s.said[uri] == nil {
		s.receive()
	}
	return s.said[uri]
}

// offer is what an editor lists, and what it writes if that is taken.
type offer struct{ Label, InsertText string }

// offers opens a text and returns what is offered where its mark ‸ stands.
func (s *server) offers(uri, text string) []offer {
	s.t.Helper()
	var answer struct{ Items []offer }
	s.read(s.at("textDocument/completion", uri, text), &answer)
	return answer.Items
}

// completions are the labels of what is offered.
func (s *server) completions(uri, text string) []string {
	s.t.Helper()
	var labels []string
	for _, o := range s.offers(uri, text) {
		labels = append(labels, o.Label)
	}
	return labels
}

// hover opens a text and returns what is said of the word where its mark ‸ stands.
func (s *server) hover(uri, text string) string {
	s.t.Helper()
	var answer struct{ Contents struct{ Value string } }
	s.read(s.at("textDocument/hover", uri, text), &answer)
	return strings.ReplaceAll(answer.Contents.Value, `\`, "") // of Markdown
}

func (s *server) at(method, uri, text string) json.RawMessage {
	s.t.Helper()
	before, after, ok := strings.Cut(text, "‸")
	if !ok {
		s.t.Fatal("no mark in ", text)
	}
	s.open(uri, before+after)
	line := strings.Count(before, "\n")
	return s.ask(method, object{"textDocument": object{"uri": uri},
		"position": object{"line": line, "character": len(before) - strings.LastIndex(before, "\n") - 1}})
}
