package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	secretBytes = 16
	saltBytes   = 16
	keyBytes    = 16
	nonceBytes  = 12
	// pointBytes is the length of an uncompressed point of P-256.
	pointBytes  = 65
	headerBytes = saltBytes + 4 + 1 + pointBytes
	// minRecord is the smallest record of RFC 8188: one byte more than the end mark and the tag.
	minRecord = 18
)

// Browser is a browser's side of one subscription.
type Browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

// NewBrowser returns the browser with these keys in base64url.
func NewBrowser(privateKey, auth string) (*Browser, error) {
	raw, err := base64.RawURLEncoding.DecodeString(privateKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return nil, err
	}
	secret, err := base64.RawURLEncoding.DecodeString(auth)
	if err != nil || len(secret) != secretBytes {
		return nil, errors.New("auth: must be 16 bytes in base64url")
	}
	return &Browser{key, secret}, nil
}

// BrowserOf returns the browser of a subscription that a simulator made.
func BrowserOf(token string) (*Browser, error) {
	_, id, ok := read(token)
	if !ok {
		return nil, errors.New("token: is not a subscription that a simulator made")
	}
	return derived(id), nil
}

// derived returns the browser of a subscription's id. The keys follow from the id, so that a simulator that starts again
// knows the browsers of the former one.
func derived(id string) *Browser {
	auth := sha256.Sum256([]byte("auth of " + id))
	for n := 0; ; n++ { // a hash is no private key once in 2^32
		raw := sha256.Sum256(fmt.Appendf(nil, "key %d of %s", n, id))
		if key, err := ecdh.P256().NewPrivateKey(raw[:]); err == nil {
			return &Browser{key, auth[:secretBytes]}
		}
	}
}

// Subscription is what the page gets from the browser, as JSON.stringify writes it.
func (b *Browser) Subscription(endpoint string) string {
	text, _ := json.Marshal(map[string]any{ // texts always encode
		"endpoint": endpoint, "expirationTime": nil,
		"keys": map[string]string{"p256dh": encode(b.key.PublicKey().Bytes()), "auth": encode(b.auth)},
	})
	return string(text)
}

// Decrypt reads the body of a push: RFC 8291 over one record or more of RFC 8188.
func (b *Browser) Decrypt(body []byte) ([]byte, error) {
	if len(body) < headerBytes || body[saltBytes+4] != pointBytes {
		return nil, errors.New("the header is not that of RFC 8291")
	}
	salt, size := body[:saltBytes], int(binary.BigEndian.Uint32(body[saltBytes:]))
	gcm, first, err := b.keys(salt, body[headerBytes-pointBytes:headerBytes])
	if err != nil {
		return nil, err
	}
	if size < minRecord {
		return nil, fmt.Errorf("a record of %d bytes is too small", size)
	}
	var text []byte
	for sealed, n := body[headerBytes:], uint64(0); len(sealed) > 0; n++ {
		record := sealed[:min(size, len(sealed))]
		sealed = sealed[len(record):]
		plain, err := gcm.Open(nil, nonce(first, n), record, nil)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
		if plain, err = unpadded(plain, len(sealed) == 0); err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
		text = append(text, plain...)
	}
	return text, nil
}

// keys are the cipher and the nonce of the first record.
func (b *Browser) keys(salt, sender []byte) (cipher.AEAD, []byte, error) {
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, nil, err
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		return nil, nil, err
	}
	info := append([]byte("WebPush: info\x00"), b.key.PublicKey().Bytes()...)
	secret, err := hkdf.Key(sha256.New, shared, b.auth, string(append(info, sender...)), sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	pseudorandom, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return nil, nil, err
	}
	key, err := hkdf.Expand(sha256.New, pseudorandom, "Content-Encoding: aes128gcm\x00", keyBytes)
	if err != nil {
		return nil, nil, err
	}
	first, err := hkdf.Expand(sha256.New, pseudorandom, "Content-Encoding: nonce\x00", nonceBytes)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, first, err
}

// nonce is that of the nth record.
func nonce(first []byte, n uint64) []byte {
	own := append([]byte{}, first...)
	last := own[nonceBytes-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^n)
	return own
}

// unpadded drops the padding and its mark: 2 in the last record, 1 in the others.
func unpadded(plain []byte, last bool) ([]byte, error) {
	end := len(plain) - 1
	for end >= 0 && plain[end] == 0 {
		end--
	}
	if end < 0 || last != (plain[end] == 2) || !last && plain[end] != 1 {
		return nil, errors.New("has no mark before the padding")
	}
	return plain[:end], nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
