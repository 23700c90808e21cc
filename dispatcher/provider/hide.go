package provider

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// shortestSecret is the length from which a text may be a secret that we only overheard, in bytes.
	shortestSecret = 8
	redacted       = "<redacted>"
)

// secretName is what members, parameters and headers are called that hold secrets.
var secretName = regexp.MustCompile(`(?i)token|secret|sign|assertion|passw|credential|auth|key`)

// longRun is what every way of escaping leaves as it is, and long enough to be of no other text.
var longRun = regexp.MustCompile(`[0-9A-Za-z_-]{16,}`)

// member is a text in JSON with its name.
var member = regexp.MustCompile(`"([^"\\]{1,64})"\s*:\s*"((?:[^"\\]|\\.)*)"`)

// harmless are the headers of requests that prove nothing.
func harmless(name string) bool {
	return slices.Contains([]string{
		"Accept", "Content-Encoding", "Content-Length", "Content-Type", "Timestamp", "Topic", "Ttl", "Urgency", "User-Agent",
	}, name) || strings.HasPrefix(name, "Apns-")
}

// headerSecrets are the words of all headers that are not known to be harmless.
func headerSecrets(h http.Header) (secrets []string) {
	for name, values := range h {
		if harmless(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, value := range values {
			words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,;=", r) })
			secrets = append(secrets, overheard(append(words, value)...)...)
		}
	}
	return secrets
}

// formSecrets are the parameters of a form or a query that are called like secrets.
func formSecrets(form string) (secrets []string) {
	values, _ := url.ParseQuery(form) // What is no form has no parameters.
	for name, texts := range values {
		if secretName.MatchString(name) {
			secrets = append(secrets, overheard(texts...)...)
		}
	}
	return secrets
}

// namedSecrets are the members of JSON that are called like secrets, also where it is cut off.
func namedSecrets(text string) (secrets []string) {
	for _, m := range member.FindAllStringSubmatch(text, -1) {
		if secretName.MatchString(m[1]) {
			secrets = append(secrets, overheard(m[2], plainJSON(m[2]))...)
		}
	}
	return secrets
}

// overheard leaves out what is too short to be a secret.
func overheard(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return len(s) < shortestSecret })
}

// SecretParts are a secret and what of it must not be shown either: its lines, the secrets in a key file,
// all of a subscription, and the long parts of its address.
func SecretParts(secret string) []string {
	parts := []string{secret}
	lines := []string{secret}
	for _, m := range member.FindAllStringSubmatch(secret, -1) {
		value := plainJSON(m[2])
		if address, err := url.Parse(value); err == nil && address.Host != "" {
			if !strings.Contains(secret, "PRIVATE KEY") { // the addresses in a key file are public
				parts = append(append(parts, value), overheard(strings.Split(address.EscapedPath(), "/")...)...)
			}
			continue
		}
		if secretName.MatchString(m[1]) || m[1] == "p256dh" {
			parts, lines = append(parts, value), append(lines, value)
		}
	}
	for _, text := range lines {
		for line := range strings.Lines(text) {
			parts = append(parts, overheard(strings.TrimSpace(line))...)
		}
	}
	return parts
}

func plainJSON(text string) (plain string) {
	if json.Unmarshal([]byte(`"`+text+`"`), &plain) != nil {
		return text
	}
	return plain
}

// quoted is text without the texts to hide, in printable characters, at most limit bytes.
func quoted(text string, limit int, hide []string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for _, h := range spellings(hide) {
		text = strings.ReplaceAll(text, h, redacted)
	}
	text = strings.TrimSpace(strings.Map(printableOrBreak, text))
	if len(text) <= limit {
		return text
	}
	const more = "…"
	cut := max(limit-len(more), 0)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}

func printableOrBreak(r rune) rune {
	if r == '\n' || r == '\t' {
		return r
	}
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

// spellings are the ways to write the texts, and their long parts for the ways that are not known, the longest first.
func spellings(texts []string) []string {
	var all []string
	for _, s := range texts {
		if s == "" {
			continue
		}
		if !strings.HasPrefix(s, "{") { // of JSON the members that are secrets are parts of their own
			all = append(all, longRun.FindAllString(s, -1)...)
		}
		inJSON, _ := json.Marshal(s) // Texts always encode.
		escaped := string(inJSON[1 : len(inJSON)-1])
		all = append(all, s, escaped, strings.ReplaceAll(escaped, "/", `\/`), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
			strings.ReplaceAll(s, `\`, `\\`), base64.StdEncoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}
