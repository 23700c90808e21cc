package database

import (
	"cmp"
	"net"
	"net/url"
	"strconv"
	"strings"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	scheme       = "postgresql"
	shortScheme  = "postgres"
	defaultPort  = "5432"
	paramSSLMode = "sslmode"

	key     = pushv1.PostgresURIKey
	example = "postgresql://user:password@host:5432/dbname"
)

// fileParams are parameters of libpq that name files, which dispatchers do not have.
func fileParams() []string {
	return []string{"sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "passfile", "service", "servicefile"}
}

// parseURI reads a connection URI. The error of url.Parse quotes the URI, so it goes nowhere.
func parseURI(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || (address.Scheme != scheme && address.Scheme != shortScheme) || address.Opaque != "" || address.Fragment != "" {
		return nil, malformed("entry %s must be a URI such as %s; percent-encode what is no letter or digit in the password", key, example)
	}
	query, err := url.ParseQuery(address.RawQuery)
	if err != nil {
		return nil, malformed("entry %s has parameters that cannot be read: write them as ?name=value&name=value", key)
	}
	for _, name := range fileParams() {
		if query.Has(name) {
			return nil, malformed("entry %s must not have the parameter %s: dispatchers have no such file; certificates belong into the entries %s, %s and %s",
				key, name, pushv1.PostgresCAKey, pushv1.PostgresCertificateKey, pushv1.PostgresPrivateKeyKey)
		}
	}
	return address, checkParts(parts{
		host:     cmp.Or(query.Get("host"), address.Hostname()),
		ports:    cmp.Or(query.Get("port"), address.Port()),
		user:     cmp.Or(query.Get("user"), address.User.Username()),
		database: cmp.Or(query.Get("dbname"), strings.Trim(address.Path, "/")),
	})
}

// parts are what a URI must have; a parameter wins over the same part before the question mark.
type parts struct {
	host, ports, user, database string
}

func checkParts(p parts) error {
	switch {
	case p.host == "" || strings.HasPrefix(p.host, "/"):
		return malformed("entry %s must name a host, as in %s: dispatchers have no socket of the database", key, example)
	case p.user == "":
		return malformed("entry %s must name a user, as in %s", key, example)
	case p.database == "":
		return malformed("entry %s must name a database, as in %s", key, example)
	}
	for port := range strings.SplitSeq(p.ports, ",") {
		if port != "" && !isPort(port) {
			return malformed("entry %s must have a port from 1 to 65535", key)
		}
	}
	return nil
}

// assemble makes a connection URI of its parts.
func (e secret) assemble() (*url.URL, error) {
	if e.text(pushv1.PostgresHostKey) == "" {
		return nil, missing(pushv1.PostgresURIKey + " (or " + pushv1.PostgresHostKey + ")")
	}
	user := pushv1.PostgresUsernameKey
	if e.text(user) == "" {
		user = pushv1.PostgresUserKey
	}
	if e.text(user) == "" {
		return nil, missing(pushv1.PostgresUsernameKey)
	}
	if e.text(pushv1.PostgresDatabaseKey) == "" {
		return nil, missing(pushv1.PostgresDatabaseKey)
	}
	if e.text(pushv1.PostgresPasswordKey) == "" && e.text(pushv1.PostgresCertificateKey) == "" {
		return nil, missing(pushv1.PostgresPasswordKey)
	}
	for _, key := range []string{
		pushv1.PostgresHostKey, pushv1.PostgresPortKey, pushv1.PostgresDatabaseKey, user, pushv1.PostgresPasswordKey, pushv1.PostgresSSLModeKey,
	} {
		if strings.TrimSpace(e.text(key)) != e.text(key) {
			return nil, malformed("entry %s must have no blank or newline around it", key)
		}
	}
	address := &url.URL{Scheme: scheme, User: url.User(e.text(user)), Path: "/" + e.text(pushv1.PostgresDatabaseKey)}
	if password := e.text(pushv1.PostgresPasswordKey); password != "" {
		address.User = url.UserPassword(e.text(user), password)
	}
	var err error
	address.Host, err = e.hostPort()
	return address, err
}

func (e secret) hostPort() (string, error) {
	host, port := e.text(pushv1.PostgresHostKey), e.text(pushv1.PostgresPortKey)
	if net.ParseIP(host) == nil && strings.ContainsFunc(host, notInHostName) {
		return "", malformed("entry %s must be the name or the address of one server, without port", pushv1.PostgresHostKey)
	}
	if port == "" {
		port = defaultPort
	}
	if !isPort(port) {
		return "", malformed("entry %s must be a number from 1 to 65535", pushv1.PostgresPortKey)
	}
	return net.JoinHostPort(host, port), nil
}

func notInHostName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
