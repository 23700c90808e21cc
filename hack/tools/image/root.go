package main

import (
	"fmt"
	"io/fs"
	"os"
)

// rootEntries lists everything in a folder.
func rootEntries(folder string) (entries []entry, err error) {
	if folder == "" {
		return nil, nil
	}
	root := os.DirFS(folder)
	err = fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		e, err := readEntry(root, path, d)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("-root: %w", err)
	}
	return entries, nil
}

func readEntry(root fs.FS, path string, d fs.DirEntry) (e entry, err error) {
	info, err := d.Info()
	if err != nil {
		return e, err
	}
	e = entry{path: path, mode: int64(info.Mode().Perm())}
	switch {
	case d.IsDir():
		e.path += "/"
	case d.Type() == fs.ModeSymlink:
		e.link, err = fs.ReadLink(root, path)
	case d.Type().IsRegular():
		e.content, err = fs.ReadFile(root, path)
	default:
		err = fmt.Errorf("%s is no file, folder or link", path)
	}
	return e, err
}
