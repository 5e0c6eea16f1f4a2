package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// gitTime is how long git may take for one answer.
const gitTime = 10 * time.Second

// programsOfGit are where git is looked for: PATH is the caller's, and may begin anywhere.
var programsOfGit = [...]string{"/usr/bin/git", "/usr/local/bin/git", "/opt/homebrew/bin/git", `C:\Program Files\Git\cmd\git.exe`}

// revision is REV:FILE, a file as a commit has it.
type revision struct {
	name   string // as the user gave it
	commit string // its hash
	file   string // below the repository's top
	git    string
}

// splitRevision takes REV:FILE apart. A path that begins with /, ./ or ../ is a
// file whatever follows, as is one without a colon, and one with a drive on Windows.
func splitRevision(name string) (rev, file string, ok bool) {
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || filepath.VolumeName(name) != "" {
		return "", "", false
	}
	return strings.Cut(name, ":")
}

// openRevision asks git which commit REV is, and where FILE is below the top of the repository.
func openRevision(name, rev, file string) (*revision, error) {
	r := &revision{name: name}
	switch {
	case rev == "" || file == "":
		return nil, &problem{at: name, text: "is no REV:FILE of git: one of the two is empty", fix: "a file whose name has a colon begins with ./"}
	case strings.HasPrefix(rev, "-"):
		return nil, &problem{at: name, text: "a revision cannot begin with -"}
	case strings.ContainsRune(name, 0):
		return nil, &problem{at: name, text: "holds a NUL"}
	}
	for _, p := range programsOfGit {
		if _, err := os.Stat(p); err == nil {
			r.git = p
			break
		}
	}
	if r.git == "" {
		return nil, &problem{at: name, text: "git is not installed where it is looked for: " + strings.Join(programsOfGit[:], ", ")}
	}
	if strings.HasPrefix(file, "./") || strings.HasPrefix(file, "../") { // git's own rule
		prefix, err := r.ask("rev-parse", "--show-prefix")
		if err != nil {
			return nil, err
		}
		file = strings.TrimSuffix(prefix, "\n") + file
	}
	r.file = path.Clean(file)
	commit, err := r.ask("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return nil, err
	}
	r.commit = strings.TrimSpace(commit)
	return r, nil
}

// read returns a file of the commit as it was committed: no filter, no conversion,
// no link is followed.
func (r *revision) read(file string, limit int) ([]byte, error) {
	at := r.name
	if file != r.file {
		at = r.name + ": " + file
	}
	out, err := r.ask("--literal-pathspecs", "ls-tree", "-z", "-l", "--full-tree", r.commit, "--", file)
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(out, "\x00")
	head, found, _ := strings.Cut(line, "\t")
	f := strings.Fields(head) // mode, type, hash, size
	switch {
	case file == ".": // of which git lists all that is in it
		return nil, &problem{at: at, text: "is a folder in that revision, not a file"}
	case len(f) != 4 || found != file:
		return nil, &unreadable{problem{at: at, text: "there is no such file in that revision", fix: "/dev/null stands for a file that is not there"}, fs.ErrNotExist}
	case f[1] == "tree":
		return nil, &problem{at: at, text: "is a folder in that revision, not a file"}
	case f[0] != "100644" && f[0] != "100755":
		return nil, &problem{at: at, text: "is a link or a submodule in that revision, not a file", fix: "name the file that it leads to"}
	}
	switch size, err := strconv.Atoi(f[3]); {
	case err != nil: // as in a clone that was made with a filter; boxfile fetches nothing
		return nil, &problem{at: at, text: "is in that revision, but not in this clone", fix: "git cat-file -e " + f[2] + " has git fetch it"}
	case size > limit:
		return nil, tooLarge(at, limit)
	}
	text, err := r.ask("cat-file", "blob", f[2])
	return []byte(text), err
}

// other reads a file that the Boxfile names as part of itself, from the same commit.
func (r *revision) other(name string) (string, []byte, error) {
	if path.IsAbs(name) {
		text, err := readFile(name)
		return name, text, err
	}
	file := path.Clean(path.Dir(r.file) + "/" + name)
	text, err := r.read(file, maxFile)
	return r.name + ": " + file, text, err
}

// ask runs git, which here reads objects only. Nothing of the caller's environment
// leads it to another repository or another program, and it fetches nothing.
func (r *revision) ask(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), gitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.git, append([]string{"--no-pager", "--no-replace-objects"}, args...)...)
	home, _ := os.UserHomeDir() // safe.directory may be there
	cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_ALLOW_PROTOCOL="}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", &problem{at: r.name, text: "git did not answer within " + gitTime.String()}
	case errors.As(err, &exit) && said.Len() == 0:
		return "", &problem{at: r.name, text: "git knows no such revision", fix: "git fetch, or name another; a file whose name has a colon begins with ./"}
	case err != nil:
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", &problem{at: r.name, text: "git cannot read it", detail: strings.TrimSpace(line + " (" + err.Error() + ")")}
	}
	return string(out), nil
}
