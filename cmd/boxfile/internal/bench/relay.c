//go:build ignore

/*
 * relay HOST-PORT SERVICE-PORT: what a relay of TCP can be at best, for "make
 * bench" to compare with. It carries connections from one port of 127.0.0.1 to
 * another: one thread, epoll(7), splice(2) through pipes that are kept for reuse.
 * Pipes of 64 KiB reach three quarters of what those of 1 MiB do, and two threads
 * for each connection are no faster but take a third longer to begin one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE = 1 << 20, TURNS = 16, EVENTS = 256, POOL = 64 };

struct way { /* bytes in one direction */
	int from, to, pipe[2];
	size_t held;
	int ended;
};

struct flow {
	struct way way[2];
	struct flow *next;
	int queued, dead;  /* whether it is in the one list, or the other */
};

static int epoll, pool[POOL][2], pooled;
static struct flow *again, *dead;
static struct sockaddr_in service = {.sin_family = AF_INET};

static int take_pipe(int p[2])
{
	if (pooled) {
		pooled--;
		p[0] = pool[pooled][0], p[1] = pool[pooled][1];
		return 0;
	}
	if (pipe2(p, O_NONBLOCK | O_CLOEXEC))
		return -1;
	fcntl(p[1], F_SETPIPE_SZ, PIPE);
	return 0;
}

static void give_pipe(struct way *w)
{
	if (w->pipe[0] < 0)
		return;
	if (!w->held && pooled < POOL) {
		pool[pooled][0] = w->pipe[0], pool[pooled][1] = w->pipe[1];
		pooled++;
	} else {
		close(w->pipe[0]), close(w->pipe[1]);
	}
	w->pipe[0] = -1;
}

/* push returns 1 if there may be more at once, 0 if it waits, and -1 on errors. */
static int push(struct way *w)
{
	for (int i = 0; i < TURNS; i++) {
		if (!w->held) {
			if (w->ended)
				return 0;
			if (w->pipe[0] < 0 && take_pipe(w->pipe))
				return -1;
			ssize_t n = splice(w->from, NULL, w->pipe[1], NULL, PIPE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (n <= 0)
				give_pipe(w);
			if (n < 0)
				return errno == EAGAIN ? 0 : -1;
			if (n == 0) {
				w->ended = 1;
				shutdown(w->to, SHUT_WR);
				return 0;
			}
			w->held = n;
		}
		ssize_t n = splice(w->pipe[0], NULL, w->to, NULL, w->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		w->held -= n;
	}
	return 1;
}

static int turn(struct flow *f)
{
	int a = push(&f->way[0]), b = push(&f->way[1]);

	if (a < 0 || b < 0 || (f->way[0].ended && f->way[1].ended)) {
		for (int i = 0; i < 2; i++) {
			give_pipe(&f->way[i]);
			close(f->way[i].from);
		}
		f->dead = 1;
		return 0;
	}
	return a || b;
}

static void begin(int client)
{
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct flow *f = calloc(1, sizeof *f);

	if (s < 0 || !f || (connect(s, (struct sockaddr *)&service, sizeof service) && errno != EINPROGRESS)) {
		close(s), close(client), free(f);
		return;
	}
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	f->way[0] = (struct way){client, s, {-1, -1}, 0, 0};
	f->way[1] = (struct way){s, client, {-1, -1}, 0, 0};
	struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = f}};
	epoll_ctl(epoll, EPOLL_CTL_ADD, client, &e);
	epoll_ctl(epoll, EPOLL_CTL_ADD, s, &e);
}

static void accept_all(int door)
{
	for (int i = 0; i < 64; i++) {
		int client = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0)
			return;
		begin(client);
	}
}

static void serve(struct flow *f)
{
	if (turn(f))
		f->queued = 1, f->next = again, again = f;
	else if (f->dead)
		f->next = dead, dead = f;
}

/* once serves what is ready, and those that have more to say than their turn let them. */
static void once(int door)
{
	struct epoll_event e[EVENTS];
	struct flow *f, *list;
	int n = epoll_wait(epoll, e, EVENTS, again ? 0 : -1);

	for (int i = 0; i < n; i++) {
		f = e[i].data.ptr;
		if (!f)
			accept_all(door);
		else if (!f->dead && !f->queued)
			serve(f);
	}
	list = again, again = NULL;
	while ((f = list)) {
		list = f->next, f->queued = 0;
		serve(f);
	}
	while ((f = dead)) { /* only now: two events of a batch may name the same one */
		dead = f->next;
		free(f);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event e = {EPOLLIN, {.ptr = NULL}};

	if (argc != 3)
		return 2;
	service.sin_addr = at.sin_addr;
	service.sin_port = htons(atoi(argv[2]));
	at.sin_port = htons(atoi(argv[1]));
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, SOMAXCONN))
		return 1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, door, &e);
	for (;;)
		once(door);
}
