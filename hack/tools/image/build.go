package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	passwd = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"
)

// spec says what an image holds and how it runs.
type spec struct {
	Binary     string
	Entrypoint string
	User       string
	CertsFile  string
	// Root is a folder whose files the image has too; empty means none.
	Root       string
	StopSignal string
}

// entry is one path of a layer; a directory and a link have no content.
type entry struct {
	path    string
	mode    int64
	content []byte
	link    string
}

// build makes the image: a base layer that all images share, one with the files of a folder, and one with the binary.
// Nothing in it depends on the time or the machine, so that equal input gives an equal digest.
func build(s spec) (v1.Image, error) {
	settings, err := staticGo(s.Binary)
	if err != nil {
		return nil, err
	}
	base, err := baseEntries(s.CertsFile)
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(s.Binary)
	if err != nil {
		return nil, fmt.Errorf("reading the binary: %w", err)
	}
	files, err := rootEntries(s.Root)
	if err != nil {
		return nil, err
	}
	image := empty.Image
	program := []entry{{path: strings.TrimPrefix(s.Entrypoint, "/"), mode: 0o755, content: binary}}
	for _, entries := range [][]entry{base, files, program} {
		if len(entries) == 0 {
			continue
		}
		layer, err := newLayer(entries)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, fmt.Errorf("adding a layer: %w", err)
		}
	}
	return configure(image, s, settings)
}

func configure(image v1.Image, s spec, settings map[string]string) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's config: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = settings["GOOS"], settings["GOARCH"]
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.Config.Entrypoint = []string{s.Entrypoint}
	file.Config.User = s.User
	file.Config.StopSignal = s.StopSignal
	file.Config.WorkingDir = "/"
	file.Config.Env = []string{"PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}
	return mutate.ConfigFile(image, file)
}

// staticGo returns the binary's build settings, and refuses one that would not start in an empty image.
func staticGo(path string) (map[string]string, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-binary: %s is no Go binary: %w", path, err)
	}
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	switch {
	case settings["CGO_ENABLED"] != "0":
		return nil, fmt.Errorf("-binary: %s needs a C library: build it with CGO_ENABLED=0", path)
	case settings["GOOS"] != "linux":
		return nil, fmt.Errorf("-binary: %s is for %s: build it with GOOS=linux", path, settings["GOOS"])
	}
	return settings, nil
}

func baseEntries(certsFile string) ([]entry, error) {
	entries := []entry{
		{path: "etc/", mode: 0o755},
		{path: "etc/group", mode: 0o644, content: []byte(group)},
		{path: "etc/passwd", mode: 0o644, content: []byte(passwd)},
		{path: "tmp/", mode: 0o1777},
	}
	certs, err := os.ReadFile(certsFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return entries, nil
	case err != nil:
		return nil, fmt.Errorf("-certs: %w", err)
	}
	return append(entries,
		entry{path: "etc/ssl/", mode: 0o755},
		entry{path: "etc/ssl/certs/", mode: 0o755},
		entry{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: certs},
	), nil
}

func newLayer(entries []entry) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		header := &tar.Header{
			Name: e.path, Mode: e.mode, Size: int64(len(e.content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg,
		}
		switch {
		case e.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
		case strings.HasSuffix(e.path, "/"):
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("writing %s into a layer: %w", e.path, err)
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, fmt.Errorf("writing %s into a layer: %w", e.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("closing a layer: %w", err)
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
}
