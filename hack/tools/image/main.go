// Command image wraps one static Go binary into a container image, without Docker, and saves or pushes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		slog.Error("image not built", "error", err)
		os.Exit(1)
	}
}

type options struct {
	spec
	ref    string
	output string
	push   bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.Binary, "binary", "", "the static Go `file` that the image runs")
	flags.StringVar(&o.ref, "name", "", "full image `reference`, for example ghcr.io/offlinepush/manager:dev")
	flags.StringVar(&o.User, "user", "65532:65532", "`uid:gid` that the image runs as")
	flags.StringVar(&o.CertsFile, "certs", "/etc/ssl/certs/ca-certificates.crt", "CA `file` to copy into the image; may be absent")
	flags.StringVar(&o.Root, "root", "", "a `folder` whose files the image has besides the binary")
	flags.StringVar(&o.StopSignal, "stop-signal", "", "the `signal` that asks the program to end; empty means SIGTERM")
	flags.StringVar(&o.output, "o", "", "write a docker-archive to this `file`")
	flags.BoolVar(&o.push, "push", false, "push to the registry of the name, with the credentials that docker login keeps")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case o.Binary == "":
		return options{}, errors.New("-binary is required: name the file to put into the image")
	case o.ref == "":
		return options{}, errors.New("-name is required: give registry, repository and tag")
	case o.output == "" && !o.push:
		return options{}, errors.New("nothing to do: give -o FILE, -push or both")
	}
	return o, nil
}

// run builds the image and prints its digest reference, which pins exactly what was built.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(o.ref, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("-name: %w", err)
	}
	o.Entrypoint = "/" + filepath.Base(tag.RepositoryStr())
	image, err := build(o.spec)
	if err != nil {
		return err
	}
	if o.output != "" {
		if err := save(o.output, tag, image); err != nil {
			return fmt.Errorf("saving %s: %w", o.output, err)
		}
	}
	if o.push {
		err := remote.Write(tag, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
		if err != nil {
			return fmt.Errorf("pushing %s: %w", tag, err)
		}
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("computing the digest: %w", err)
	}
	_, err = fmt.Fprintln(out, tag.Digest(digest.String()))
	return err
}

// save writes a docker-archive that appears whole or not at all.
func save(path string, tag name.Tag, image v1.Image) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".image-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreNotExist(os.Remove(file.Name()))) }()
	if err := errors.Join(tarball.Write(tag, image, file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
