package database_test

import (
	"errors"
	"strings"
	"testing"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/database"
)

// password is in every Secret of the tests, and in no error.
const password = "hunter2-Zq"

func entries(pairs ...string) map[string][]byte {
	out := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = []byte(pairs[i+1])
	}
	return out
}

// with adds entries to the parts of a whole Secret; an empty value removes one.
func with(pairs ...string) map[string][]byte {
	out := entries("host", "db.example.com", "dbname", "push", "username", "chat", "password", password)
	for key, value := range entries(pairs...) {
		if out[key] = value; len(value) == 0 {
			delete(out, key)
		}
	}
	return out
}

func TestParse(t *testing.T) {
	t.Parallel()
	const base = "postgresql://chat:" + password + "@db.example.com:5432/push"
	for _, tt := range []struct {
		name    string
		entries map[string][]byte
		want    string
	}{
		{"parts", with(), base + "?sslmode=require"},
		{"parts and a CA", with("ca.crt", testCertificate), base + "?sslmode=verify-full"},
		{"a mode", with("sslmode", "disable"), base + "?sslmode=disable"},
		{"a mode with a CA", with("sslmode", "verify-ca", "ca.crt", testCertificate), base + "?sslmode=verify-ca"},
		{"user instead of username", with("username", "", "user", "chat"), base + "?sslmode=require"},
		{"username wins", with("user", "other"), base + "?sslmode=require"},
		{"a port", with("port", "6432"), strings.Replace(base, "5432", "6432", 1) + "?sslmode=require"},
		{"IPv6", with("host", "2001:db8::1"), strings.Replace(base, "db.example.com", "[2001:db8::1]", 1) + "?sslmode=require"},
		{
			"what needs encoding", with("username", "ch@t", "password", "p:/?#[]@ %&+="+password, "dbname", "my db?"),
			"postgresql://ch%40t:p%3A%2F%3F%23%5B%5D%40%20%25&+=" + password + "@db.example.com:5432/my%20db%3F?sslmode=require",
		},
		{"a certificate and no password", with("password", "", "tls.crt", testCertificate, "tls.key", testKey), "postgresql://chat@db.example.com:5432/push?sslmode=require"},
		{"URI", entries("uri", base), base + "?sslmode=require"},
		{"URI with a CA", entries("uri", base, "ca.crt", testCertificate), base + "?sslmode=verify-full"},
		{"URI with a mode", entries("uri", base+"?sslmode=prefer", "sslmode", "disable"), base + "?sslmode=prefer"},
		{"URI and a mode", entries("uri", base, "sslmode", "disable"), base + "?sslmode=disable"},
		{
			"parameters stay as they are", entries("uri", base+"?options=-c%20jit%3Doff&application_name=a"),
			base + "?options=-c%20jit%3Doff&application_name=a&sslmode=require",
		},
		{"the short scheme", entries("uri", strings.Replace(base, "postgresql", "postgres", 1)), strings.Replace(base, "postgresql", "postgres", 1) + "?sslmode=require"},
		{
			"several hosts as parameters", entries("uri", "postgresql://chat:"+password+"@/push?host=a,b&port=5432,5433"),
			"postgresql://chat:" + password + "@/push?host=a,b&port=5432,5433&sslmode=require",
		},
		{
			"several hosts with ports", entries("uri", "postgresql://chat:"+password+"@a:5432,b:5433/push"),
			"postgresql://chat:" + password + "@a:5432,b:5433/push?sslmode=require",
		},
		{"URI wins over parts", with("uri", base, "host", "other"), base + "?sslmode=require"},
		{
			"as CloudNativePG writes it", with("uri", base, "host", "push-db-rw", "port", "5432", "user", "chat", "jdbc-uri", "jdbc:postgresql://x", "pgpass", "a:b:c:d:e\n"),
			base + "?sslmode=require",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := database.Parse(tt.entries)
			if err != nil {
				t.Fatal(err)
			}
			if got.URI.Reveal() != tt.want {
				t.Errorf("URI is %s, want %s", got.URI.Reveal(), tt.want)
			}
			for key, text := range map[string]string{"ca.crt": got.CABundle, "tls.crt": got.ClientCertificate, "tls.key": got.ClientKey.Reveal()} {
				if want := string(tt.entries[key]); text != want {
					t.Errorf("%s is %q, want %q", key, text, want)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	uri := func(text string) map[string][]byte { return entries("uri", text) }
	const key, shape, ca = pushv1.ReasonSecretKeyMissing, pushv1.ReasonSecretMalformed, pushv1.ReasonCABundleMalformed
	for _, tt := range []struct {
		name         string
		entries      map[string][]byte
		reason, want string
	}{
		{"nothing", nil, key, "entry uri (or host) is missing: add it"},
		{"no user", with("username", ""), key, "entry username is missing"},
		{"no database", with("dbname", ""), key, "entry dbname is missing"},
		{"no password", with("password", ""), key, "entry password is missing"},
		{"a newline", with("password", password+"\n"), shape, "entry password must have no blank or newline around it"},
		{"a blank in front", with("host", " db"), shape, "entry host must have no blank or newline around it"},
		{"host with port", with("host", "db:5432"), shape, "entry host must be the name or the address of one server, without port"},
		{"a socket", with("host", "/run/postgresql"), shape, "entry host must be the name or the address of one server"},
		{"two hosts", with("host", "a,b"), shape, "entry host must be the name or the address of one server"},
		{"port of letters", with("port", "x"+password), shape, "entry port must be a number from 1 to 65535"},
		{"port 0", with("port", "0"), shape, "entry port must be a number from 1 to 65535"},
		{"port 65536", with("port", "65536"), shape, "entry port must be a number from 1 to 65535"},
		{"unknown mode", with("sslmode", password), shape, "entry sslmode: sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"},
		{"unknown mode in the URI", uri("postgresql://u:" + password + "@h/d?sslmode=" + password), shape, "entry uri: sslmode must be one of disable"},
		{"no CA", with("ca.crt", password), ca, "entry ca.crt must hold PEM certificates and nothing else"},
		{"a key as CA", with("ca.crt", testKey), ca, "entry ca.crt must hold PEM certificates and nothing else"},
		{"certificate without key", with("tls.crt", testCertificate), key, "entries tls.crt and tls.key must be there together"},
		{"key without certificate", with("tls.key", testKey), key, "entries tls.crt and tls.key must be there together"},
		{"certificate of another key", with("tls.crt", testCertificate, "tls.key", password), shape, "entries tls.crt and tls.key must be a PEM certificate and its PEM key"},
		{"key and value", uri("host=db password=" + password), shape, "entry uri must be a URI such as postgresql://user:password@host:5432/dbname"},
		{"JDBC", uri("jdbc:postgresql://db/push?user=u&password=" + password), shape, "entry uri must be a URI such as"},
		{"another database", uri("mysql://u:" + password + "@db/push"), shape, "entry uri must be a URI such as"},
		{"password not encoded", uri("postgresql://u:" + password + "#x@db/push"), shape, "percent-encode what is no letter or digit in the password"},
		{"a slash in the password", uri("postgresql://u:" + password + "/x@db/push"), shape, "percent-encode what is no letter or digit in the password"},
		{"URI without user", uri("postgresql://db/push?password=" + password), shape, "entry uri must name a user"},
		{"URI without database", uri("postgresql://u:" + password + "@db/"), shape, "entry uri must name a database"},
		{"URI without host", uri("postgresql://u:" + password + "@/push"), shape, "entry uri must name a host"},
		{"URI of a socket", uri("postgresql://u:" + password + "@/push?host=/tmp"), shape, "entry uri must name a host"},
		{"URI with port 0", uri("postgresql://u:" + password + "@h:0/push"), shape, "entry uri must have a port from 1 to 65535"},
		{"URI with a bad port of two", uri("postgresql://u:" + password + "@/push?host=a,b&port=1,x"), shape, "entry uri must have a port from 1 to 65535"},
		{"URI with a file", uri("postgresql://u:" + password + "@h/push?sslrootcert=/ca.crt"), shape, "must not have the parameter sslrootcert: dispatchers have no such file"},
		{"URI with bad parameters", uri("postgresql://u:" + password + "@h/push?a=%zz"), shape, "entry uri has parameters that cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := database.Parse(tt.entries)
			refusal, ok := errors.AsType[*condition.Error](err)
			if !ok || refusal.Reason != tt.reason {
				t.Fatalf("error is %v (%+v), want reason %s", err, refusal, tt.reason)
			}
			if waits := refusal.Severity == condition.Pending; waits != (tt.reason == key) {
				t.Errorf("severity is %v", refusal.Severity)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), password) {
				t.Errorf("error %v, want %q without what the Secret holds", err, tt.want)
			}
		})
	}
}

// FuzzParse looks for errors that quote the password, and for a URI that reads otherwise than it was written.
func FuzzParse(f *testing.F) {
	f.Add("postgresql://u:", "@db:5432/push?sslmode=require", "", "")
	f.Add("postgres://", "?port=99999&sslmode=x", "disable", "")
	f.Add("host=db password=", " sslmode=require", "", "x")
	f.Add("", "", "verify-full", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, before, after, mode, bundle string) {
		if strings.Contains(before+after+mode+bundle, password) {
			return
		}
		for _, given := range []map[string][]byte{
			entries("uri", before+password+after, "sslmode", mode, "ca.crt", bundle),
			with("host", before, "port", mode, "password", password+after, "dbname", before+after, "tls.crt", bundle),
		} {
			got, err := database.Parse(given)
			if err != nil {
				if strings.Contains(err.Error(), password) {
					t.Errorf("the error quotes the password: %v", err)
				}
				continue
			}
			again, err := database.Parse(entries("uri", got.URI.Reveal(), "ca.crt", got.CABundle))
			if err != nil || again.URI.Reveal() != got.URI.Reveal() {
				t.Errorf("a second pass makes %q of %q (%v)", again.URI.Reveal(), got.URI.Reveal(), err)
			}
		}
	})
}
