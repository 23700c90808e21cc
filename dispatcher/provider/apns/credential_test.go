package apns

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// topicsDER is what openssl asn1parse -genconf makes of SEQUENCE{UTF8String io.example.chat, SEQUENCE{UTF8String app},
// UTF8String io.example.chat.voip, SEQUENCE{UTF8String voip}}, the form of Apple's certificates.
const topicsDER = "30360c0f696f2e6578616d706c652e6368617430050c036170700c14696f2e6578616d706c652e636861742e766f697030060c04766f6970"

func withTopics(t *testing.T, value string) func(*x509.Certificate) {
	t.Helper()
	der, err := hex.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *x509.Certificate) {
		c.Subject.ExtraNames = nil
		c.ExtraExtensions = []pkix.Extension{{Id: topicsExtension, Value: der}}
	}
}

func TestParseCredential(t *testing.T) {
	t.Parallel()
	certificate := func(topic string, change func(*x509.Certificate)) func(*config.APNsChannel) {
		return func(c *config.APNsChannel) {
			c.TeamID, c.KeyID = "", ""
			c.Certificate, c.PrivateKey = certify(t, topic, change)
		}
	}
	past := func(c *x509.Certificate) {
		c.NotAfter = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
		c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
	}
	tests := []struct {
		name   string
		change func(*config.APNsChannel)
		want   string
	}{
		{"key", func(*config.APNsChannel) {}, ""},
		{"no key", func(c *config.APNsChannel) { c.PrivateKey = config.Secret{} }, "key.p8: is not a P-256 key in PEM"},
		{"not PEM", func(c *config.APNsChannel) { c.PrivateKey = config.NewSecret("MIGTAgEAMBMGByqGSM49") }, "key.p8: is not a P-256 key in PEM"},
		{"another curve", func(c *config.APNsChannel) { c.PrivateKey = config.NewSecret(keyPEM(newKey(elliptic.P384()))) }, "key.p8: is not a P-256 key in PEM"},
		{"a team's name", func(c *config.APNsChannel) { c.TeamID = "Example GmbH" }, "teamID: must be the 10 capital letters and digits"},
		{"a blank", func(c *config.APNsChannel) { c.KeyID += "\n" }, "keyID: must be the 10 capital letters and digits"},
		{"certificate", certificate(bundleID, nil), ""},
		{"certificate with topics", certificate("", withTopics(t, topicsDER)), ""},
		{"of another app", certificate("io.example.other", nil), `apns.bundleID: is "io.example.chat", the certificate in tls.crt is for io.example.other`},
		{"of no app", certificate("", withTopics(t, "0500")), `the certificate in tls.crt is for no app`},
		{"broken topics", certificate("", withTopics(t, topicsDER[:4]+"0cff")), `the certificate in tls.crt is for no app`},
		{"ran out", certificate(bundleID, past), "tls.crt: ended on 2025-03-01; renew it"},
		{"not yet", certificate(bundleID, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "tls.crt: is not valid before"},
		{"no certificate", func(c *config.APNsChannel) {
			certificate(bundleID, nil)(c)
			c.Certificate = c.PrivateKey
		}, "tls.crt: is not a certificate in PEM"},
		{"key of another", func(c *config.APNsChannel) {
			certificate(bundleID, nil)(c)
			c.PrivateKey = config.NewSecret(keyPEM(newKey(elliptic.P256())))
		}, "tls.key: is not the key of tls.crt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := row().APNs
			tt.change(c)
			_, err := parseCredential(c, time.Now())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "MI") {
				t.Errorf("the error quotes the key: %v", err)
			}
			mismatch, ok := errors.AsType[*provider.MismatchError](err)
			if ok != strings.Contains(tt.want, "the certificate in") || ok && mismatch.Field != "apns.bundleID" {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	der, err := hex.DecodeString(topicsDER)
	if err != nil {
		t.Fatal(err)
	}
	if got := extensionTopics(der); !slices.Equal(got, []string{"io.example.chat", "io.example.chat.voip"}) {
		t.Errorf("got %q", got)
	}
}

func FuzzTopics(f *testing.F) {
	der, err := hex.DecodeString(topicsDER)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		length := 0
		for _, topic := range extensionTopics(der) {
			length += len(topic) + 2 // each has a tag and a length
		}
		if length > len(der) {
			t.Errorf("%x: %d bytes of topics", der, length)
		}
	})
}
