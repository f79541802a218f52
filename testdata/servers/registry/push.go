package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"

	"github.com/lastpage/lastpage/testdata/servers/ready"
)

// repository is one repository to push. Empty ones are pushed with a tag that is deleted again, so
// that the registry knows the name and lists no tags.
type repository struct {
	name string
	tags []string
}

// plan names n repositories, some with slashes, and their tags: most have one to nine, every
// thirtieth has 250, every fiftieth none.
func plan(seed uint64, n int) []repository {
	r := rand.New(rand.NewPCG(seed, 0))
	teams := []string{"base", "web", "edge/cache", "data/etl", "sec-ops", "tools/ci/images"}
	out := make([]repository, n)
	for i := range out {
		repo := repository{name: fmt.Sprintf("%s/app-%04d", teams[r.IntN(len(teams))], i)}
		count := 1 + r.IntN(9)
		switch {
		case i%30 == 7:
			count = 250
		case i%50 == 3:
			count = 0
		}
		for t := range count {
			repo.tags = append(repo.tags, fmt.Sprintf("v%d.%d.%d", t/100, t/10%10, t%10))
		}
		out[i] = repo
	}
	return out
}

// pusher speaks the registry's push API: upload a blob, put a manifest for each tag.
type pusher struct {
	base   string
	client *http.Client
}

func (p pusher) fill(ctx context.Context, plan []repository) (ready.Expected, error) {
	want := ready.Expected{"repositories": {}, "tags": {}}
	for _, repo := range plan {
		manifest, err := p.image(ctx, repo.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", repo.name, err)
		}
		tags := repo.tags
		if len(tags) == 0 {
			tags = []string{"gone"}
		}
		for _, tag := range tags {
			if err := p.send(ctx, http.MethodPut, "/v2/"+repo.name+"/manifests/"+tag, ociManifest, manifest, http.StatusCreated, nil); err != nil {
				return nil, err
			}
		}
		if len(repo.tags) == 0 {
			if err := p.send(ctx, http.MethodDelete, "/v2/"+repo.name+"/manifests/gone", "", nil, http.StatusAccepted, nil); err != nil {
				return nil, err
			}
		}
		want["repositories"] = append(want["repositories"], repo.name)
		for _, tag := range repo.tags {
			want["tags"] = append(want["tags"], repo.name+":"+tag)
		}
	}
	return want, nil
}

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// image uploads the blobs of a small image and returns its manifest.
func (p pusher) image(ctx context.Context, name string) ([]byte, error) {
	config, err := p.blob(ctx, name, []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	if err != nil {
		return nil, err
	}
	layer, err := p.blob(ctx, name, []byte("layer of "+name))
	if err != nil {
		return nil, err
	}
	config.MediaType = "application/vnd.oci.image.config.v1+json"
	layer.MediaType = "application/vnd.oci.image.layer.v1.tar"
	return json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": []descriptor{layer},
	})
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

func (p pusher) blob(ctx context.Context, name string, content []byte) (descriptor, error) {
	d := descriptor{Size: len(content), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(content))}
	var h http.Header
	if err := p.send(ctx, http.MethodPost, "/v2/"+name+"/blobs/uploads/", "", nil, http.StatusAccepted, &h); err != nil {
		return d, err
	}
	at, err := url.Parse(h.Get("Location"))
	if err != nil {
		return d, err
	}
	q := at.Query()
	q.Set("digest", d.Digest)
	at.RawQuery = q.Encode()
	return d, p.send(ctx, http.MethodPut, at.RequestURI(), "application/octet-stream", content, http.StatusCreated, nil)
}

// send makes one request and demands its status; with header it hands back the answer's header.
func (p pusher) send(ctx context.Context, method, path, kind string, body []byte, status int, header *http.Header) error {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return err
	}
	if res.StatusCode != status {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	if header != nil {
		*header = res.Header
	}
	return nil
}
