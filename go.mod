module github.com/boxfile/boxfile

go 1.26.0

require github.com/hashicorp/go-multierror v1.1.1

require golang.org/x/tools v0.26.0 // indirect

require (
	github.com/hashicorp/errwrap v1.0.0 // indirect
	github.com/rogpeppe/go-internal v1.16.0
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
	golang.org/x/sys v0.49.0
	gopkg.in/yaml.v3 v3.0.1 // indirect
)
