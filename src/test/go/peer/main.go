// A server that restarts as one does that is built on rcrowley/goagain: it knows the variables
// GOAGAIN_FD, NAME, PID, PPID and SIGNAL, and the signals, and nothing else of a restart.
//
//	peer single|double ADDRESS [COMMAND...]
//
// It listens on ADDRESS, unless it inherits a listener, and restarts on SIGUSR2 by running COMMAND,
// or itself again where there is none. With PEER_DIES set it exits once it has its listener, before
// it serves.
//
// Unlike the original it asks for the number of its listener's descriptor in a way that exists in
// every version of Go, and loses no request: when it stops, each answer says "Connection: close".
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Clients tell this program from others by it.
const generation = 100

// A client that sends nothing is not waited for any longer.
const drainLimit = 5 * time.Second

var errStopped = errors.New("stopped accepting")

// gate accepts until it is told to stop, and stays open after that.
type gate struct {
	*net.TCPListener
	stopped chan struct{}
}

func (g gate) Accept() (net.Conn, error) {
	for {
		select {
		case <-g.stopped:
			return nil, errStopped
		default:
		}
		c, err := g.AcceptTCP()
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
}

func (g gate) Close() error {
	return nil
}

func (g gate) stop() {
	close(g.stopped)
	check(g.SetDeadline(time.Now()))
}

type server struct {
	double   bool
	address  string
	command  []string
	gate     gate
	served   chan struct{}
	leaving  atomic.Bool
	lock     sync.Mutex
	open     map[net.Conn]bool
	nobodyIn chan struct{}
}

func main() {
	s := &server{
		double:   os.Args[1] == "double",
		address:  os.Args[2],
		command:  os.Args[3:],
		served:   make(chan struct{}),
		open:     map[net.Conn]bool{},
		nobodyIn: make(chan struct{}, 1),
	}
	if len(s.command) == 0 {
		s.command = os.Args
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR2)

	l, err := inherited()
	inherits := err == nil
	if !inherits {
		l, err = net.Listen("tcp", s.address)
		check(err)
	}
	if os.Getenv("PEER_DIES") != "" {
		say("dies before it serves")
		os.Exit(3)
	}
	s.gate = gate{l.(*net.TCPListener), make(chan struct{})}
	go s.serve()
	if inherits {
		check(s.kill())
	}
	fmt.Printf("listening public %s\n", l.Addr())
	fmt.Printf("ready generation=%d pid=%d\n", generation, os.Getpid())

	if sig := s.wait(signals); sig == syscall.SIGUSR2 {
		s.drain()
		check(s.exec())
	}
	s.drain()
	say("has drained")
}

// inherited is goagain's Listener().
func inherited() (net.Listener, error) {
	fd, err := strconv.Atoi(os.Getenv("GOAGAIN_FD"))
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), os.Getenv("GOAGAIN_NAME"))
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	return l, file.Close()
}

// kill is goagain's Kill(): it tells the child that an earlier image has started, or else the
// parent.
func (s *server) kill() error {
	pid, err := strconv.Atoi(os.Getenv("GOAGAIN_PID"))
	if err != nil {
		pid, err = strconv.Atoi(os.Getenv("GOAGAIN_PPID"))
	}
	if err != nil {
		return err
	}
	sig := syscall.SIGQUIT
	if number, err := strconv.Atoi(os.Getenv("GOAGAIN_SIGNAL")); err == nil {
		sig = syscall.Signal(number)
	}
	if sig == syscall.SIGQUIT && s.double {
		go syscall.Wait4(pid, nil, 0, nil)
	}
	say("sends signal %d to process %d", sig, pid)
	return syscall.Kill(pid, sig)
}

// wait is goagain's Wait().
func (s *server) wait(signals chan os.Signal) syscall.Signal {
	forked := false
	for {
		sig := (<-signals).(syscall.Signal)
		say("got signal %d", sig)
		if sig != syscall.SIGUSR2 || forked {
			return sig
		}
		forked = true
		check(s.forkExec())
	}
}

// forkExec is goagain's ForkExec(): the child gets the listener at the number that it has here.
func (s *server) forkExec() error {
	path, fd, err := s.prepare()
	if err != nil {
		return err
	}
	sig := syscall.SIGQUIT
	if s.double {
		sig = syscall.SIGUSR2
	}
	os.Setenv("GOAGAIN_PID", "")
	os.Setenv("GOAGAIN_PPID", strconv.Itoa(os.Getpid()))
	os.Setenv("GOAGAIN_SIGNAL", strconv.Itoa(int(sig)))
	files := make([]uintptr, fd+1)
	for i := range files {
		files[i] = ^uintptr(0)
	}
	files[0], files[1], files[2], files[fd] = 0, 1, 2, fd
	pid, err := syscall.ForkExec(path, s.command, &syscall.ProcAttr{Env: os.Environ(), Files: files})
	if err != nil {
		return err
	}
	say("spawned process %d", pid)
	return os.Setenv("GOAGAIN_PID", strconv.Itoa(pid))
}

// exec is goagain's Exec().
func (s *server) exec() error {
	if pid, err := strconv.Atoi(os.Getenv("GOAGAIN_PID")); err == nil && pid == os.Getppid() {
		return errors.New("a child must not execute its next image")
	}
	path, _, err := s.prepare()
	if err != nil {
		return err
	}
	os.Setenv("GOAGAIN_SIGNAL", strconv.Itoa(int(syscall.SIGQUIT)))
	say("executes %s", path)
	return syscall.Exec(path, s.command, os.Environ())
}

// prepare looks the command up and lets the listener through, as goagain's setEnvs() does.
func (s *server) prepare() (path string, fd uintptr, err error) {
	if path, err = exec.LookPath(s.command[0]); err != nil {
		return
	}
	raw, err := s.gate.SyscallConn()
	if err != nil {
		return
	}
	if err = raw.Control(func(number uintptr) { fd = number }); err != nil {
		return
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_SETFD, 0); errno != 0 {
		return path, fd, errno
	}
	addr := s.gate.Addr()
	os.Setenv("GOAGAIN_FD", fmt.Sprint(fd))
	os.Setenv("GOAGAIN_NAME", fmt.Sprintf("%s:%s->", addr.Network(), addr))
	return
}

func (s *server) serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, []byte(fmt.Sprintf("hello generation=%d pid=%d\n", generation, os.Getpid())))
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		millis, _ := strconv.Atoi(r.URL.Query().Get("millis"))
		time.Sleep(time.Duration(millis) * time.Millisecond)
		s.answer(w, []byte(fmt.Sprintf("slow %d\n", millis)))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			s.answer(w, body)
		}
	})
	h := &http.Server{Handler: mux, ConnState: s.changed}
	if err := h.Serve(s.gate); err != errStopped {
		check(err)
	}
	close(s.served)
}

func (s *server) answer(w http.ResponseWriter, body []byte) {
	if s.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func (s *server) changed(c net.Conn, state http.ConnState) {
	s.lock.Lock()
	defer s.lock.Unlock()
	switch state {
	case http.StateNew:
		s.open[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.open, c)
		s.tellIfEmpty()
	}
}

func (s *server) tellIfEmpty() {
	if len(s.open) == 0 {
		select {
		case s.nobodyIn <- struct{}{}:
		default:
		}
	}
}

// drain stops accepting and returns when the last connection is closed.
func (s *server) drain() {
	s.leaving.Store(true)
	s.gate.stop()
	<-s.served
	limit := time.After(drainLimit)
	for {
		s.lock.Lock()
		left := len(s.open)
		s.lock.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-s.nobodyIn:
		case <-limit:
			say("cuts %d connections", left)
			return
		}
	}
}

func say(format string, values ...any) {
	fmt.Printf("peer %d "+format+"\n", append([]any{os.Getpid()}, values...)...)
}

func check(err error) {
	if err != nil {
		say("fails: %v", err)
		os.Exit(1)
	}
}
