package risk

import (
	"slices"
	"strings"
)

// secretWords are parts of the names of variables that hold secrets, between underscores.
var (
	secretWords = [...]string{"PASS", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "TOKEN", "CREDENTIAL", "CREDENTIALS", "APIKEY", "SECRETKEY", "PRIVATEKEY", "ACCESSKEY", "PAT"}
	secretPairs = [...]string{"API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "SECRET_KEY", "AUTH_KEY", "SIGNING_KEY", "ENCRYPTION_KEY", "DEPLOY_KEY", "SSH_KEY", "MYSQL_PWD"}
	// secretEnds are last words of a name that is about a secret and holds none.
	secretEnds = [...]string{"FILE", "PATH", "DIR", "NAME", "URL", "URI", "ID", "TTL", "TYPE", "LENGTH", "HEADER", "COMMAND", "CMD", "HELPER", "POLICY", "ISSUER", "EXPIRY", "LIFETIME", "ENDPOINT", "ASKPASS"}
)

// secretName reports whether a variable of this name usually holds a secret.
func secretName(name string) bool {
	words := strings.Split(strings.ToUpper(name), "_")
	last := words[len(words)-1]
	if slices.Contains(secretEnds[:], last) && strings.ToUpper(name) != "AWS_ACCESS_KEY_ID" {
		return false
	}
	for i, w := range words {
		if slices.Contains(secretWords[:], w) || strings.HasSuffix(w, "PASSWORD") || strings.HasSuffix(w, "PASSWD") {
			return true
		}
		if i > 0 && slices.Contains(secretPairs[:], words[i-1]+"_"+w) {
			return true
		}
	}
	return false
}

// switches are values that turn something on or off, whatever it is called.
var switches = [...]string{"", "0", "1", "true", "false", "yes", "no", "on", "off", "none"}

// tokens are how secrets of well-known services begin, and how many letters, digits,
// dashes and underscores follow at least.
var tokens = [...]struct {
	begin string
	least int
	what  string
}{
	{"AKIA", 16, "an access key of AWS"}, {"ASIA", 16, "an access key of AWS"}, {"ghp_", 36, "a token of GitHub"}, {"gho_", 36, "a token of GitHub"}, {"ghu_", 36, "a token of GitHub"}, {"ghs_", 36, "a token of GitHub"},
	{"github_pat_", 22, "a token of GitHub"}, {"glpat-", 20, "a token of GitLab"}, {"xoxb-", 20, "a token of Slack"}, {"xoxp-", 20, "a token of Slack"}, {"sk_live_", 20, "a key of Stripe"}, {"rk_live_", 20, "a key of Stripe"},
	{"AIza", 35, "a key of Google"}, {"npm_", 36, "a token of npm"}, {"pypi-", 50, "a token of PyPI"}, {"hf_", 30, "a token of Hugging Face"}, {"dop_v1_", 64, "a token of DigitalOcean"}, {"sk-ant-", 20, "a key of Anthropic"},
	{"sk-proj-", 20, "a key of OpenAI"}, {"AGE-SECRET-KEY-1", 50, "a key of age"},
}

// secretIn says what kind of secret a text holds, or "". The secret itself is never said.
func secretIn(text string) string {
	if i := strings.Index(text, "-----BEGIN "); i >= 0 {
		if line, _, _ := strings.Cut(text[i:], "\n"); strings.Contains(line, "PRIVATE KEY") {
			return "a private key"
		}
	}
	for _, t := range tokens {
		for rest := text; ; {
			before, after, ok := strings.Cut(rest, t.begin)
			if !ok {
				break
			}
			if (before == "" || !ofToken(rune(before[len(before)-1]))) && len(after)-len(strings.TrimLeftFunc(after, ofToken)) >= t.least {
				return t.what
			}
			rest = after
		}
	}
	if passwordInURL(text) {
		return "a password in a URL"
	}
	return ""
}

func ofToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// passwordInURL reports whether a text has scheme://user:password@host. A password
// that is a variable of a shell is none.
func passwordInURL(text string) bool {
	for {
		_, after, ok := strings.Cut(text, "://")
		if !ok {
			return false
		}
		text = after
		end := strings.IndexAny(after, "/?# \t\n\"'`<>\x00")
		if end < 0 {
			end = len(after)
		}
		at := strings.LastIndexByte(after[:end], '@')
		if at < 0 {
			continue
		}
		_, password, ok := strings.Cut(after[:at], ":")
		if ok && password != "" && !strings.ContainsAny(password, "${}") {
			return true
		}
	}
}
