package postgres

import (
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
)

func TestConnConfigReadsTheURI(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uri, ca string
		tls, verified bool // whether TLS comes first, and whether the certificate is checked
		fallbacks     int
	}{
		{name: "disable", uri: "postgresql://u:p@db:5432/push?sslmode=disable"},
		{name: "allow", uri: "postgresql://u:p@db:5432/push?sslmode=allow", fallbacks: 1},
		{name: "prefer is the default", uri: "postgres://u:p@db/push", tls: true, fallbacks: 1},
		{name: "require", uri: "postgresql://u:p@db/push?sslmode=require", tls: true},
		{name: "require with a CA verifies", uri: "postgresql://u:p@db/push?sslmode=require", ca: testCA, tls: true, verified: true},
		{name: "verify-ca", uri: "postgresql://u:p@db/push?sslmode=verify-ca", ca: testCA, tls: true, verified: true},
		{name: "verify-full", uri: "postgresql://u:p@db/push?sslmode=verify-full", ca: testCA, tls: true, verified: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := connConfig(config.Postgres{URI: config.NewSecret(tt.uri), CABundle: tt.ca})
			if err != nil {
				t.Fatal(err)
			}
			conn := c.ConnConfig
			if conn.Host != "db" || conn.User != "u" || conn.Password != "p" || conn.Database != "push" {
				t.Errorf("reads %s@%s/%s", conn.User, conn.Host, conn.Database)
			}
			if got := conn.TLSConfig != nil; got != tt.tls {
				t.Errorf("TLS first: %v, want %v", got, tt.tls)
			}
			if got := len(conn.Fallbacks); got != tt.fallbacks {
				t.Errorf("%d fallbacks, want %d", got, tt.fallbacks)
			}
			verified := conn.TLSConfig != nil && (!conn.TLSConfig.InsecureSkipVerify || conn.TLSConfig.VerifyPeerCertificate != nil)
			if verified != tt.verified {
				t.Errorf("verified: %v, want %v", verified, tt.verified)
			}
			if verified && conn.TLSConfig.RootCAs == nil {
				t.Error("the CA is not used")
			}
		})
	}
}

func TestConnConfigKeepsParameters(t *testing.T) {
	t.Parallel()
	c, err := connConfig(config.Postgres{
		URI:      config.NewSecret("postgresql://u:p@db/push?options=-c%20work_mem%3D8MB&sslmode=require&application_name=a%2Bb"),
		CABundle: testCA,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := c.ConnConfig.RuntimeParams
	if got["options"] != "-c work_mem=8MB" || got["application_name"] != "a+b" {
		t.Errorf("parameters %q", got)
	}
}

func TestConnConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config.Postgres
		want   string
	}{
		"no URI":             {config.Postgres{}, "must be a URI"},
		"key and value":      {config.Postgres{URI: config.NewSecret("host=db password=hunter2")}, "must be a URI"},
		"another database":   {config.Postgres{URI: config.NewSecret("mysql://u:hunter2@db/push")}, "must be a URI"},
		"an unknown sslmode": {config.Postgres{URI: config.NewSecret("postgresql://u:hunter2@db/push?sslmode=maybe")}, "sslmode"},
		"a port of letters":  {config.Postgres{URI: config.NewSecret("postgresql://u:hunter2@db:hunter2/push")}, "must be a URI"},
		"no CA": {
			config.Postgres{URI: config.NewSecret("postgresql://u:hunter2@db/push"), CABundle: "none"}, "caBundle",
		},
		"no client certificate": {
			config.Postgres{URI: config.NewSecret("postgresql://u:hunter2@db/push"), ClientCertificate: "none"}, "clientCertificate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connConfig(tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want one about %q without the password", err, tt.want)
			}
		})
	}
}

func FuzzConnConfigKeepsThePassword(f *testing.F) {
	f.Add("postgresql://u:", "@db:5432/push?sslmode=require")
	f.Add("postgresql://u:", "@db:bad/push")
	f.Add("postgres://", "?port=99999&sslmode=x")
	f.Add("host=db password=", " sslmode=require")
	const password = "pzqwxk-7Vy"
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, password) {
			return
		}
		_, err := connConfig(config.Postgres{URI: config.NewSecret(before + password + after)})
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error quotes the password: %v", err)
		}
	})
}

// testCA is a certificate of a CA that nothing else uses; it is valid until 2126.
const testCA = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUPJK7c/9HEC+mq89LJK7kJLlKSGowCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdCBDQTAgFw0yNjExMjQwMDMyMjVaGA8yMTI2MTAzMTAw
MzIyNVowEjEQMA4GA1UEAwwHdGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABAVFtwQq2chlKF4T4mfSgVti2DRQwbQ3K50zuXyvlCDW4YUa49udftZBFjtZ
EPF6HcSkWkk5ip7g4uxeJeFlZ/GjUzBRMB0GA1UdDgQWBBQ47LV9L70BPu8v7m9P
vttYBOw8RTAfBgNVHSMEGDAWgBQ47LV9L70BPu8v7m9PvttYBOw8RTAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDz2FTRUWfgBRQmJCpVT7EjARz7
Z+iXTKq3ftQBQQQ8QAIgaXTLXZFqaZ7Xc0pevKMzpcg/PHnjG0AczHtoSal8XpA=
-----END CERTIFICATE-----
`
