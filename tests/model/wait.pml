/* wait.pml: waiting in line. No lost wake, a turn is passed on, with death or a stop at any step.
 *
 * Stands for: "Waiting" of the design; in C++
 *   include/slotd/waiters.hpp        serve_queue(), wake_waiters(), tell_waiter()
 *   include/slotd/waiter_seat.hpp    WaiterSeat: take(), confirm(), pass_turn(), leave()
 *   include/slotd/waiting_claim.hpp  wait_claim(), watch_others(), watch_owner()
 * Not for: the claim rule (rule.pml; here a claim is one step that fits or does not), priorities and what is kept for a large claim
 * (pure, queue.hpp), entry reuse, weak memory orders (where a missing barrier matters, the mutant moves the step).
 *
 * LIM slots, held by processes 0..HOLDERS-1 at first (default: all); the others wait. Everybody who holds releases in
 * the end, but KEEPER. Order: the number of the process. A waiter shows its entry, sets the bit, and looks: frees what the dead hold, reads all entries, then all words, tells those
 * before it that fit, claims if it fits itself; else it ends its turn and sleeps on its own word and on the presence of all who hold or
 * wait. Turns end at any time. The kernel marks the dead and wakes one sleeper. One step is one access to a shared
 * word.
 *
 * Options: NP, LIM; LATE    the first waiter may be cancelled or run out of time at any step
 *          DIE / STOP       one process is killed / stopped for good, at any step; DIER: only that one; HOLDER: only while it holds
 *          CALM     turns do not end
 *          WHOLE    a look reads all entries in one step, all words in one
 *          RECHECK=n        when nobody can move, n times at most everybody who sleeps looks anew; without it nobody ever does
 * Mutants, each must fail: M_BIT_LATE       the bit is set after the look (or the waiter has no barrier between the two)
 *          M_NO_BARRIER     the releaser's load of the bit passes its store of the word
 *          M_TELL_FIRST     told before the word is free           M_COUNT_LATE  the own word is noted after the look
 *          M_CLEAR_BLIND    the bit is cleared without looking again
 *          M_LEAVE_UNSERVED who is admitted serves nobody when it leaves: it may have been told for a place that it does not need, or
 *                           somebody has looked at the bit while it was cleared
 *          M_TURN_UNSEEN    who ends its turn unused does not look again before it sleeps
 *          M_KEEP_TURN      who gives up does not pass its turn on  M_TELL_NO_WAKE the told one is not woken
 *          M_PAST_MARK      a mark that came after the reap is neither watched nor looked at again (DIE, HOLDER)
 *          M_NO_WATCH       sleeps on the own word alone (DIE, HOLDER)
 *          CALM with STOP   a turn that never ends
 * M_SELF_MISSED, a turn that ends while its own waiter looks makes it pass itself over, is no mutant: who ends its turn unused
 * looks again. It costs a look.
 *
 * Checked: when nobody can move any more, nobody who lives and runs waits although there is room. */
#ifndef NP
#define NP 3
#endif
#ifndef LIM
#define LIM 1
#endif
#ifndef HOLDERS
#define HOLDERS LIM
#endif
#ifndef RECHECK
#define RECHECK 0
#endif
#define NOBODY NP
#define NONE 0
#define RUNS 1
#define OVER 2

bool held[NP], shown[NP], flag;   /* flag: the bit in the header; one group */
byte turn[NP];                    /* the told word: the turn, */
bool news[NP];                    /* and whether its count has changed since the waiter noted it */
bool asleep[NP];
byte watch[NP];                   /* on whose presence it sleeps */
bool marked[NP];
bool stopped[NP], cancelled;
bool finished[NP];
byte rechecks;
hidden byte zx, zn;

inline sum_held() { zn = 0; zx = 0; do :: zx < NP -> zn = zn + held[zx]; zx++ :: else -> break od; zx = 0 }
inline is_used() { zn = 0; zx = 0; do :: zx < NP -> zn = zn + shown[zx]; zx++ :: else -> break od; zx = 0 }
inline awaken(p) { asleep[p] = false; watch[p] = 0 }

#ifdef M_SELF_MISSED
#define IS_SELF(own) false
#else
#define IS_SELF(own) (i == own)       /* it runs, whatever became of its turn meanwhile */
#endif
#define SHOWS(own) (shown[i] && !marked[i] && (turn[i] != OVER || IS_SELF(own)))
/* Reads the entries, then the words, then tells. `go`: own fits. */
inline serve(own) {
  go = false;
#ifdef WHOLE
  d_step {
    room = LIM;
    do :: i < NP -> if :: SHOWS(own) -> seen = seen | (1 << i) :: else fi; i++ :: else -> break od;
    i = 0
  }
  d_step {
    do :: i < NP -> room = room - (held[i] && room); i++ :: else -> break od;
    i = 0
  }
#else
  room = LIM;
  do
  :: d_step { i < NP -> if :: SHOWS(own) -> seen = seen | (1 << i) :: else fi; i++ }
  :: else -> break
  od;
  i = 0;
  do
  :: d_step { i < NP -> room = room - (held[i] && room); i++ }
  :: else -> break
  od;
  i = 0;
#endif
  do
  :: d_step { i < NP && (!((seen >> i) & 1) || !room) -> i++ }
  :: d_step { i < NP && ((seen >> i) & 1) && room && i == own -> go = true; room--; i++ }
  :: d_step { i < NP && ((seen >> i) & 1) && room && i != own ->
       if
       :: turn[i] != RUNS -> turn[i] = RUNS; news[i] = true; told = true
       :: else
       fi;
       room--; i = i + !told }
     if
     :: d_step { told -> told = false;
#ifndef M_TELL_NO_WAKE
          if :: asleep[i] -> awaken(i) :: else fi;
#endif
          i++ }
     :: else
     fi
  :: i >= NP -> break
  od;
  i = 0; seen = 0; room = 0
}

/* The entry is given back, and the bit if nobody else has one. */
inline leave() {
  shown[id] = false;
  d_step { is_used(); used = zn; zn = 0 };
  if
  :: used
  :: else ->
     flag = false;
#ifndef M_CLEAR_BLIND
     d_step { is_used(); used = zn; zn = 0 };
     if :: used -> flag = true :: else fi
#endif
  fi;
  used = false; go = false
}

proctype Process(byte id) {
  byte i, seen, room, w, known;
  bool go, told, used, hurry;
  {
    if
    :: id < HOLDERS -> goto hold
    :: else
    fi;
    shown[id] = true;
again:
    skip;
    d_step { if :: turn[id] == OVER -> turn[id] = NONE :: else fi };
#ifndef M_BIT_LATE
    flag = true;
#endif
#ifndef M_COUNT_LATE
    news[id] = false;
#endif
    i = 0;
#ifndef DIE
    skip;
#else
    do
    :: d_step { i < NP -> if :: marked[i] -> held[i] = false; known = known | (1 << i) :: else fi; i++ }
    :: else -> break
    od;
    i = 0;
#endif
    serve(id);
    if
    :: d_step { go -> sum_held(); if :: zn < LIM -> held[id] = true :: else fi; zn = 0 }
    :: else
    fi;
    go = false;
    if :: held[id] -> goto won :: else fi;
#ifdef M_BIT_LATE
    flag = true;
#endif
    d_step {
#ifndef M_TURN_UNSEEN
      hurry = turn[id] != NONE;      /* who freed a word meanwhile has not told it again, or has passed it over */
#endif
      turn[id] = NONE
    };
#ifdef M_COUNT_LATE
    news[id] = false;
#endif
#ifdef LATE
    if
    :: id == HOLDERS && cancelled -> goto late
    :: id != HOLDERS || !cancelled
    fi;
#endif
    i = 0;
    do
    :: d_step { i < NP ->
         if
         :: i != id && (held[i] || shown[i]) && !marked[i] -> w = w | (1 << i)
#ifndef M_PAST_MARK
         :: i != id && marked[i] && !((known >> i) & 1) -> hurry = true
#endif
         :: else
         fi;
         i++ }
    :: else -> break
    od;
    i = 0;
#ifdef M_NO_WATCH
    w = 0;
#endif
    d_step {
      zn = 0; zx = 0;
      do :: zx < NP -> zn = zn + (((w >> zx) & 1) && marked[zx]); zx++ :: else -> break od;
      if :: !hurry && zn == 0 && !news[id] -> asleep[id] = true; watch[id] = w :: else fi;
      zn = 0; zx = 0; i = 0; w = 0; known = 0; hurry = false
    };
end_asleep:
    !asleep[id];
    goto again;
won:
    i = 0; known = 0;
    leave();
#ifndef M_LEAVE_UNSERVED
    if :: flag -> serve(NOBODY) :: else fi;
#endif
    goto hold;
late:
    i = 0; known = 0;
    leave();
#ifndef M_KEEP_TURN
    if :: flag -> serve(NOBODY) :: else fi;
#endif
    goto over;
hold:
    i = 0; known = 0;
#ifdef KEEPER
    if :: id == KEEPER -> goto over :: else fi;
#endif
#ifdef M_TELL_FIRST
    if :: flag -> serve(NOBODY) :: else fi;
    held[id] = false;
#else
#ifdef M_NO_BARRIER
    used = flag;
    held[id] = false;
    if :: used -> serve(NOBODY) :: else fi;
#else
    held[id] = false;
    if :: flag -> serve(NOBODY) :: else fi;
#endif
#endif
over:
    finished[id] = true
  } unless { marked[id] || stopped[id] }
}

/* Time: turns end. */
proctype Clock() {
end:
  do
  :: d_step { turn[0] == RUNS -> turn[0] = OVER }
  :: d_step { turn[1] == RUNS -> turn[1] = OVER }
#if NP > 2
  :: d_step { turn[2] == RUNS -> turn[2] = OVER }
#endif
#if NP > 3
  :: d_step { turn[3] == RUNS -> turn[3] = OVER }
#endif
  od
}

/* The mark, and one sleeper on it. */
#define WAKES(p) (asleep[p] && ((watch[p] >> v) & 1))
proctype Fate() {
  byte v;
#ifdef DIER
  v = DIER;
#else
  do :: v < NP - 1 -> v++ :: break od;
#endif
  if
#ifdef DIE
#ifdef HOLDER
  :: atomic { held[v] -> marked[v] = true;
#else
  :: atomic { !finished[v] -> marked[v] = true;
#endif
       awaken(v);
       if
       :: WAKES(0) -> awaken(0)
       :: WAKES(1) -> awaken(1)
#if NP > 2
       :: WAKES(2) -> awaken(2)
#endif
#if NP > 3
       :: WAKES(3) -> awaken(3)
#endif
       :: else
       fi }
#endif
#ifdef STOP
  :: stopped[v] = true
#endif
  :: true
  fi
}

#ifdef LATE
proctype Canceller() {
  if
  :: cancelled = true; news[HOLDERS] = true;
     d_step { if :: asleep[HOLDERS] -> awaken(HOLDERS) :: else fi }
  :: true
  fi
}
#endif

/* Somebody sleeps who lives and runs, and there is room that nobody keeps who is stopped. */
inline look_for_lost() {
  zn = 0; zx = 0;
  do :: zx < NP -> zn = zn + (held[zx] && !marked[zx]); zx++ :: else -> break od;
  lost = false;
  zx = 0;
  do
  :: zx < NP -> lost = lost || (zn < LIM && !finished[zx] && !marked[zx] && !stopped[zx]); zx++
  :: else -> break
  od;
  zx = 0; zn = 0
}

init {
  bool lost;
  d_step { zx = 0; do :: zx < HOLDERS -> held[zx] = true; zx++ :: else -> break od; zx = 0 }
  atomic {
    run Process(0); run Process(1);
#if NP > 2
    run Process(2);
#endif
#if NP > 3
    run Process(3);
#endif
#ifndef CALM
    run Clock();
#endif
#ifdef LATE
    run Canceller();
#endif
    run Fate()
  }
  do
  :: timeout ->
     d_step {
       look_for_lost();
       if
       :: lost ->
          assert(rechecks < RECHECK);
          rechecks++;
          zx = 0;
          do :: zx < NP -> if :: asleep[zx] -> awaken(zx) :: else fi; zx++ :: else -> break od;
          zx = 0
       :: else
       fi
     }
     if :: lost -> lost = false :: else -> break fi
  od
}
