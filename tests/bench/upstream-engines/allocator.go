// Kubernetes' own structured allocator, asked the questions that dralab's allocator is asked.
//
// A question is what tests/data/scheduler/README.md describes. What is timed: the allocator made and called once per
// node, with objects decoded and expressions compiled before. Cases whose recorded time is longer than -max are left out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/dynamic-resource-allocation/cel"
	"k8s.io/dynamic-resource-allocation/structured"
)

const (
	celCacheSize = 256
	roundsFor    = 200 * time.Millisecond
	patience     = 2 * time.Second // with one answer
)

type question struct {
	ID             string
	Channel        string
	Features       map[string]bool
	Node           *v1.Node
	Nodes          []*v1.Node
	Mode           string
	DeviceClasses  []*resourceapi.DeviceClass
	ResourceSlices []*resourceapi.ResourceSlice
	Claims         []*resourceapi.ResourceClaim
	Allocated      struct {
		Devices       []string
		SharedDevices []struct {
			Device  string
			ShareID types.UID
		}
		ConsumedCapacity []struct {
			Device   string
			Capacity map[resourceapi.QualifiedName]resource.Quantity
		}
	}
	Upstream struct{ Ms float64 }
}

type answer struct {
	Node          string                         `json:"node,omitempty"`
	Nodes         []answer                       `json:"nodes,omitempty"`
	Result        []resourceapi.AllocationResult `json:"result,omitempty"`
	Unschedulable bool                           `json:"unschedulable,omitempty"`
	Error         string                         `json:"error,omitempty"`
	NodeOnly      bool                           `json:"nodeOnly,omitempty"`
}

type classes map[string]*resourceapi.DeviceClass

func (c classes) Get(name string) (*resourceapi.DeviceClass, error) {
	if class, ok := c[name]; ok {
		return class, nil
	}
	return nil, apierrors.NewNotFound(resourceapi.Resource("deviceclass"), name)
}

func (c classes) List() ([]*resourceapi.DeviceClass, error) {
	var list []*resourceapi.DeviceClass
	for _, class := range c {
		list = append(list, class)
	}
	return list, nil
}

// The driver is what stands before the first slash, the device what stands behind the last.
func deviceID(text string) structured.DeviceID {
	first, last := strings.Index(text, "/"), strings.LastIndex(text, "/")
	return structured.MakeDeviceID(text[:first], text[first+1:last], text[last+1:])
}

func (q *question) state() structured.AllocatedState {
	state := structured.AllocatedState{
		AllocatedDevices:         sets.New[structured.DeviceID](),
		AllocatedSharedDeviceIDs: sets.New[structured.SharedDeviceID](),
		AggregatedCapacity:       structured.NewConsumedCapacityCollection(),
	}
	for _, device := range q.Allocated.Devices {
		state.AllocatedDevices.Insert(deviceID(device))
	}
	for _, share := range q.Allocated.SharedDevices {
		state.AllocatedSharedDeviceIDs.Insert(structured.MakeSharedDeviceID(deviceID(share.Device), &share.ShareID))
	}
	for _, consumed := range q.Allocated.ConsumedCapacity {
		state.AggregatedCapacity.Insert(structured.NewDeviceConsumedCapacity(deviceID(consumed.Device), consumed.Capacity))
	}
	return state
}

func (q *question) features() structured.Features {
	var features structured.Features
	for name, on := range q.Features {
		field := reflect.ValueOf(&features).Elem().FieldByName(name)
		if !field.IsValid() {
			fail(fmt.Errorf("%s: no feature %s", q.ID, name))
		}
		field.SetBool(on)
	}
	return features
}

// subject is a question, ready to be asked.
type subject struct {
	*question
	gates    structured.Features
	inUse    structured.AllocatedState
	lister   classes
	celCache *cel.Cache
}

func newSubject(q *question) *subject {
	s := &subject{question: q, gates: q.features(), inUse: q.state(), lister: classes{},
		celCache: cel.NewCache(celCacheSize, cel.Features{
			EnableConsumableCapacity: q.Features["ConsumableCapacity"],
			EnableListTypeAttributes: q.Features["ListTypeAttributes"],
		})}
	for _, class := range q.DeviceClasses {
		s.lister[class.Name] = class
	}
	if len(q.Nodes) == 0 {
		s.Nodes = []*v1.Node{q.Node}
	}
	return s
}

func (s *subject) ask(ctx context.Context) ([][]resourceapi.AllocationResult, []error) {
	var results [][]resourceapi.AllocationResult
	var errs []error
	structured.EnableAllocators(s.Channel)
	allocator, err := structured.NewAllocator(ctx, s.gates, s.inUse, s.lister, s.ResourceSlices, s.celCache)
	fail(err)
	for _, node := range s.Nodes {
		result, err := allocator.Allocate(ctx, node, s.Claims)
		results, errs = append(results, result), append(errs, err)
		if err != nil && !errors.Is(err, structured.ErrFailedAllocationOnNode) || result != nil && s.Mode == "first" {
			break
		}
	}
	return results, errs
}

func (s *subject) answer(ctx context.Context) answer {
	var list []answer
	results, errs := s.ask(ctx)
	for i := range results {
		one := answer{Result: results[i], Unschedulable: errs[i] == nil && results[i] == nil}
		if errs[i] != nil {
			one.Error, one.NodeOnly = errs[i].Error(), errors.Is(errs[i], structured.ErrFailedAllocationOnNode)
		}
		list = append(list, one)
	}
	if s.Node != nil {
		return list[0]
	}
	for i := range list {
		list[i].Node = s.Nodes[i].Name
	}
	return answer{Nodes: list}
}

// The best of the rounds that fit into a while; the first one fills the cache of expressions.
func (s *subject) time() time.Duration {
	best, start := time.Duration(math.MaxInt64), time.Now()
	s.ask(context.Background())
	for round := 0; round == 0 || time.Since(start) < roundsFor; round++ {
		begin := time.Now()
		s.ask(context.Background())
		best = min(best, time.Since(begin))
	}
	return best
}

// Share IDs are random.
var shareID = regexp.MustCompile(`"shareID":"[0-9a-f-]{36}"`)

func answerAll() {
	each(os.Stdin, false, func(line []byte) {
		q, whole := decode[question](line), *decode[map[string]json.RawMessage](line)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		want, err := json.Marshal(newSubject(q).answer(ctx))
		fail(err)
		if ctx.Err() != nil {
			fmt.Fprintln(os.Stderr, q.ID, "takes too long")
			return
		}
		whole["want"] = shareID.ReplaceAll(want, []byte(`"shareID":"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"`))
		text, err := json.Marshal(whole)
		fail(err)
		fmt.Println(string(text))
	})
}

func timeAll(arguments []string) {
	flags := flag.NewFlagSet("time", flag.ExitOnError)
	most := flags.Float64("max", 2000, "recorded milliseconds up to which a case is run")
	fail(flags.Parse(arguments))
	for _, path := range flags.Args() {
		file, err := os.Open(path)
		fail(err)
		each(file, strings.HasSuffix(path, ".gz"), func(line []byte) {
			if q := decode[question](line); q.Upstream.Ms <= *most {
				fmt.Printf("%s\t%d\n", q.ID, newSubject(q).time().Nanoseconds())
			}
		})
		fail(file.Close())
	}
}
