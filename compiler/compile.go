package compiler

import (
	"cmp"
	"errors"
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
	"github.com/hashicorp/go-multierror"
)

// compilation is one Boxfile on its way to a plan. Each section adds its steps
// to the bucket of their kind; the buckets are joined in the order of plan.Kinds,
// so that the order of steps is declared once.
type compilation struct {
	box     *schema.Boxfile
	errs    *schema.Collector
	buckets [][]placed
	targets map[string]schema.Pos // of mounts, for those that hide one another
	above   map[string]string     // each directory above a mount's target, and that target
	keeps   map[string]bool
	read    ReadFile
	others  error // what is wrong with other files
}

// ReadFile returns the text of a file that the Boxfile names as part of itself: a
// path as it is written, relative to the Boxfile's folder unless it is absolute.
// The name is what messages call it.
type ReadFile func(path string) (name string, text []byte, err error)

type placed struct {
	step plan.Step
	at   plan.Position
}

// Compile compiles a Boxfile. The error holds every *schema.Diagnostic, in the order
// of the file, and then those of other files.
func Compile(b *schema.Boxfile, read ReadFile) (*plan.Plan, error) {
	c := &compilation{box: b, read: read, errs: b.Collector(), targets: map[string]schema.Pos{}, above: map[string]string{}, keeps: map[string]bool{}}
	c.buckets = make([][]placed, len(plan.Kinds()))
	c.namespaces()
	c.identity()
	c.rootfs()
	c.system()
	c.mounts()
	c.network()
	c.networkFiles()
	c.ports()
	c.resources()
	c.timeout()
	c.process()
	c.security()
	c.environment()
	c.command()
	c.landlock()
	waivers := c.waivers()
	if err := c.errs.ErrorOrNil(); err != nil || c.others != nil {
		return nil, multierror.Append(inOrder(err), c.others).ErrorOrNil()
	}
	p := &plan.Plan{Name: b.Name.Value, File: b.File, Waivers: waivers}
	for _, bucket := range c.buckets {
		for _, s := range bucket {
			p.Add(s.step, s.at)
		}
	}
	return p, nil
}

func inOrder(err error) error {
	var all *multierror.Error
	if errors.As(err, &all) {
		slices.SortStableFunc(all.Errors, func(a, b error) int {
			var x, y *schema.Diagnostic
			if !errors.As(a, &x) || !errors.As(b, &y) {
				return 0
			}
			return cmp.Or(cmp.Compare(x.Pos.Line, y.Pos.Line), cmp.Compare(x.Pos.Col, y.Pos.Col))
		})
	}
	return err
}

// add puts a step into the bucket of its kind. Mounts, files, links and
// directories share one, because their order among each other is the file's.
func (c *compilation) add(s plan.Step, at schema.Pos, key string) {
	row := plan.Row(s)
	switch s.(type) {
	case *plan.File, *plan.Symlink, *plan.Dir, *plan.Dev, *plan.Device:
		row = plan.Row((*plan.Mount)(nil))
	}
	c.buckets[row] = append(c.buckets[row], placed{s, plan.Position{Line: at.Line, Col: at.Col, Key: key}})
}

// refuse records what is wrong at a place of the file.
func (c *compilation) refuse(at schema.Pos, fix, format string, args ...any) {
	c.errs.Add(at, fix, format, args...)
}
