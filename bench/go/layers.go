// The least that an exporter on go-containerregistry does with the launch layers of a build, with Go's own library alone: what
// the Go lifecycle's path to a registry costs where nothing else is done. Usage: layers FOLDER HOST/REPOSITORY
//
// For each layer, as in buildpacks/lifecycle, layers/writer.go, and google/go-containerregistry, pkg/v1/tarball/layer.go: a tar
// is written to a temporary file and hashed on the way; it is compressed by gzip.BestSpeed and hashed; it is sent. What that
// library may do twice is done once, from memory. No run image is read and no config, manifest or tag is written.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: layers FOLDER HOST/REPOSITORY"))
	}
	host, repository, _ := strings.Cut(os.Args[2], "/")
	layers, err := filepath.Glob(filepath.Join(os.Args[1], "layers/b/*"))
	fail(err)
	for _, layer := range layers {
		info, err := os.Stat(layer)
		fail(err)
		if info.IsDir() {
			fail(export(layer, fmt.Sprintf("http://%s/v2/%s", host, repository)))
		}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR:", err)
		os.Exit(1)
	}
}

func export(layer, repository string) error {
	file, err := os.CreateTemp("", "layer")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := write(layer, file); err != nil {
		return err
	}
	var blob bytes.Buffer
	digest := sha256.New()
	if err := compress(file.Name(), io.MultiWriter(digest, &blob)); err != nil {
		return err
	}
	return send(&blob, repository, fmt.Sprintf("sha256:%x", digest.Sum(nil)))
}

// write makes the tar, which is hashed in a goroutine of its own.
func write(layer string, file io.Writer) error {
	hasher := sha256.New()
	read, fed := io.Pipe()
	hashed := make(chan error, 1)
	go func() {
		_, err := io.Copy(hasher, read)
		hashed <- err
	}()
	archive := tar.NewWriter(io.MultiWriter(fed, file))
	err := filepath.Walk(layer, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		target := ""
		if info.Mode()&os.ModeSymlink != 0 {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		header.Name = path
		header.ModTime = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)
		header.Uid, header.Gid, header.Uname, header.Gname = 1000, 1000, "", ""
		if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.Open(path)
		if err != nil {
			return err
		}
		defer content.Close()
		_, err = io.Copy(archive, content)
		return err
	})
	if err == nil {
		err = archive.Close()
	}
	fed.CloseWithError(err)
	if sum := <-hashed; err == nil {
		err = sum
	}
	return err
}

func compress(path string, to io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	packed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := io.Copy(packed, file); err != nil {
		return err
	}
	return packed.Close()
}

func send(blob io.Reader, repository, digest string) error {
	begun, err := http.Post(repository+"/blobs/uploads/", "application/json", nil)
	if err != nil {
		return err
	}
	begun.Body.Close()
	sent, err := request(http.MethodPatch, begun, "", blob)
	if err != nil {
		return err
	}
	_, err = request(http.MethodPut, sent, digest, http.NoBody)
	return err
}

// request goes to the place that an answer names.
func request(method string, before *http.Response, digest string, body io.Reader) (*http.Response, error) {
	place, err := before.Location()
	if err != nil {
		return nil, err
	}
	if digest != "" {
		query := place.Query()
		query.Set("digest", digest)
		place.RawQuery = url.Values(query).Encode()
	}
	request, err := http.NewRequest(method, place.String(), body)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s", method, place.Redacted(), answer.Status)
	}
	return answer, nil
}
