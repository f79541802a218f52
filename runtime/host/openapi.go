package host

import (
	_ "embed" // of the schemas
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

//go:embed schemas.json
var schemas []byte

// everywhere are the statuses of problems that every route but health may answer.
var everywhere = []int{http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusInternalServerError, http.StatusServiceUnavailable}

// OpenAPI is the document of the API, OpenAPI 3.1 as JSON, made of the routes that are served.
func OpenAPI(version string) ([]byte, error) {
	if version == "" {
		version = "0"
	}
	paths := map[string]map[string]any{}
	for _, r := range routes() {
		if paths[r.path] == nil {
			paths[r.path] = map[string]any{}
		}
		paths[r.path][strings.ToLower(r.method)] = r.operation()
	}
	doc := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "runner serve", "version": version,
			"description": "Runs connectors that drain paginated APIs, and reads single pages for workflow engines. Answers that are none are application/problem+json."},
		"paths": paths,
		"components": map[string]any{
			"schemas":         json.RawMessage(schemas),
			"securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer", "description": "asked for when the service has one; it must have one to listen beyond this machine"}},
		},
		"security": []any{map[string]any{"token": []string{}}},
	}
	b, err := json.MarshalIndent(doc, "", " ")
	return append(b, '\n'), err
}

// operation describes the route.
func (r *route) operation() map[string]any {
	op := map[string]any{"operationId": r.id(), "summary": r.summary, "tags": []string{r.tag}, "responses": r.responses()}
	if r.about != "" {
		op["description"] = r.about
	}
	if r.open {
		op["security"] = []any{}
	}
	var params []any
	for _, p := range r.params {
		one := map[string]any{"name": p.name, "in": p.in, "description": p.about, "schema": map[string]any{"type": p.kind}}
		if p.in == "path" {
			one["required"] = true
		}
		params = append(params, one)
	}
	if r.stream {
		params = append(params, map[string]any{"name": "Last-Event-ID", "in": "header", "description": "id of the last event that came", "schema": map[string]any{"type": "string"}})
	}
	if params != nil {
		op["parameters"] = params
	}
	if r.body != "" {
		content := map[string]any{"application/json": map[string]any{"schema": refTo(r.body)}}
		if r.body == "ValidateRequest" {
			content["application/yaml"] = map[string]any{"schema": map[string]any{"type": "string"}}
		}
		op["requestBody"] = map[string]any{"required": true, "content": content}
	}
	return op
}

func (r *route) responses() map[string]any {
	kind := r.answerType
	if kind == "" {
		kind = "application/json"
	}
	shape := map[string]any{"type": "string"}
	if r.answer != "" {
		shape = refTo(r.answer)
	}
	out := map[string]any{strconv.Itoa(r.success()): map[string]any{"description": http.StatusText(r.success()), "content": map[string]any{kind: map[string]any{"schema": shape}}}}
	refusals := r.refusals
	if !r.open {
		refusals = append(append([]int{}, refusals...), everywhere...)
	}
	if r.body != "" {
		refusals = append(refusals, http.StatusBadRequest)
	}
	for _, status := range refusals {
		out[strconv.Itoa(status)] = map[string]any{"description": http.StatusText(status), "content": map[string]any{"application/problem+json": map[string]any{"schema": refTo("Problem")}}}
	}
	return out
}

// success is the status of an answer that is no problem.
func (r *route) success() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// id names the operation: the method and the words of the path.
func (r *route) id() string {
	words := strings.FieldsFunc(r.path, func(c rune) bool { return strings.ContainsRune("/{}.", c) })
	return strings.ToLower(r.method) + "_" + strings.Join(words, "_")
}

func refTo(schema string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + schema}
}
