package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

const (
	// recordSize is what push services must take, in bytes.
	recordSize = 4096
	saltBytes  = 16
	keyBytes   = 16
	nonceBytes = 12
	tagBytes   = 16
	pointBytes = 65
	// headerBytes are the salt, the size of a record, the length of the sender's key and the key.
	headerBytes = saltBytes + 4 + 1 + pointBytes
	// maxPlaintext is what fits into a body of 4096 bytes, beside the header, the tag and the end mark.
	maxPlaintext = recordSize - headerBytes - tagBytes - 1
	// lastRecord ends the plaintext of the last record.
	lastRecord = 0x02
)

// encrypt makes the body of a push: RFC 8291, in one record of RFC 8188. The key and the salt serve once.
func encrypt(s *subscription, plaintext []byte) ([]byte, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	return seal(s, key, salt, plaintext)
}

func seal(s *subscription, key *ecdh.PrivateKey, salt, plaintext []byte) ([]byte, error) {
	content, nonce, err := derive(s, key, salt)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint32(slices.Clone(salt), recordSize)
	header = append(append(header, pointBytes), key.PublicKey().Bytes()...)
	return gcm.Seal(header, nonce, append(slices.Clone(plaintext), lastRecord), nil), nil
}

// derive makes the key and the nonce of the only record.
func derive(s *subscription, key *ecdh.PrivateKey, salt []byte) (content, nonce []byte, err error) {
	shared, err := key.ECDH(s.public)
	if err != nil {
		return nil, nil, err
	}
	info := "WebPush: info\x00" + string(s.public.Bytes()) + string(key.PublicKey().Bytes())
	input, err := hkdf.Key(sha256.New, shared, s.auth, info, sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	if content, err = hkdf.Key(sha256.New, input, salt, "Content-Encoding: aes128gcm\x00", keyBytes); err != nil {
		return nil, nil, err
	}
	nonce, err = hkdf.Key(sha256.New, input, salt, "Content-Encoding: nonce\x00", nonceBytes)
	return content, nonce, err
}
