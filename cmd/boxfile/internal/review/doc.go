// Package review holds tests and nothing else: of contrib/review and of what calls it in
// CI (action.yml, contrib/gitlab-ci.yml) and before a commit (.pre-commit-hooks.yaml).
// They run in made repositories, with the words of those files and the environment that
// the services give, because the services themselves cannot be had here.
package review
