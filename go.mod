module github.com/boxfile/boxfile

go 1.26.0

require (
	github.com/elastic/go-seccomp-bpf v1.6.0
	github.com/hashicorp/go-multierror v1.1.1
	github.com/yuin/goldmark v1.7.8
	golang.org/x/net v0.41.0
	golang.org/x/term v0.47.0
)

require golang.org/x/tools v0.26.0 // indirect

require (
	github.com/hashicorp/errwrap v1.0.0 // indirect
	github.com/rogpeppe/go-internal v1.16.0
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1
	golang.org/x/sys v0.49.0
	gopkg.in/yaml.v3 v3.0.1
)
