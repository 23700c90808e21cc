package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
)

// Mount is a folder in which a configuration lies as the kubelet mounts a
// Secret: the file is a link through ..data, which is a link that is swapped.
type Mount struct {
	dir     string
	version int
}

// newMount makes an empty mount that is gone when the test ends.
func newMount(tb testing.TB) *Mount {
	tb.Helper()
	dir := tb.TempDir()
	link := filepath.Join("..data", config.FileName)
	if err := os.Symlink(link, filepath.Join(dir, config.FileName)); err != nil {
		tb.Fatalf("making the mount: %v", err)
	}
	return &Mount{dir: dir}
}

// Path is the configuration's file.
func (m *Mount) Path() string { return filepath.Join(m.dir, config.FileName) }

// Write swaps the content in one step and removes the former one.
func (m *Mount) Write(content []byte) error {
	m.version++
	name := "..version" + strconv.Itoa(m.version)
	folder := filepath.Join(m.dir, name)
	data, next := filepath.Join(m.dir, "..data"), filepath.Join(m.dir, "..data_tmp")
	former, _ := os.Readlink(data) // there is none at first
	err := errors.Join(
		os.Mkdir(folder, 0o700),
		os.WriteFile(filepath.Join(folder, config.FileName), content, 0o600),
		os.Symlink(name, next),
	)
	if err == nil {
		err = os.Rename(next, data)
	}
	if err == nil && former != "" {
		err = os.RemoveAll(filepath.Join(m.dir, former))
	}
	if err != nil {
		return fmt.Errorf("writing the mount: %w", err)
	}
	return nil
}
