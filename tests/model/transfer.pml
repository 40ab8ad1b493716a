/* transfer.pml: change of owner, entry reuse, reap and release, with death at any step.
 *
 * Stands for: "Change of owner", "Entry reuse", "Release" and "Reap" of the design; in C++
 *   include/slotd/slot_table.hpp     transfer_slot() (bind, adopt), release_slot()
 *   include/slotd/process_table.hpp  publish_hazard(), try_recycle(), sweep_words(), reap_word(), the reservation of an entry
 * Not for: the claim rule (rule.pml; here a claim is one CAS from FREE to held), limits, record fields, weak memory orders.
 *
 * Entries 0..NE-1 are seats in the process table. An entry's reservation word is {stage, attach number}. Workers are processes: each
 * attaches at most once, so a worker is a tenant. Worker 0 and 1 sit in entries 0 and 1 from the start, others wait for a seat.
 * Each worker does a few of: claim a free word; bind any held word to any entry that it looked up; adopt any held word; release one
 * that names its own entry. The kernel marks a worker dead at any step (presence word), lets it run on, and ends it at any later step
 * (gone). The recyclers (client, broker) also reap. One that stops or dies is one that is never scheduled again: all
 * that is checked holds at every moment of it, and another one takes over what it left half done.
 * One step is one access to a shared word. A generation is the smallest that no actor remembers for that word.
 *
 * Options: NW words, NE entries, NWORK workers, NREC recyclers, OPS operations of worker 0, OPS_REST of the others.
 *          ONE_DIES only worker 1 may die.
 * Mutants, each must fail: M_NO_GENERATION   a transfer keeps the generation
 *          M_NO_PROOF            reap without proof of death      M_NO_HAZARD_WAIT     recycle without looking at hazards
 *          M_HAZARD_LATE         re-check first, hazard second    M_OFFER_FIRST        the entry is offered before the sweep
 *          M_HAZARD_OF_MARKED    a marked binder's hazard is ignored although its threads may still run
 *          M_SWEEP_UNCHECKED     the sweep does not re-check the attach number (two recyclers)
 *          M_RECYCLE_MARKED      recycle on the mark, before the process is gone
 *          M_RECYCLER_CLEARS     the recycler, not the next tenant, clears the entry's hazard
 * NO_ATTACH_CHECK, a reap without the second look at the attach number, is no mutant: as long as generations do not come round the
 * exact CAS is enough. The look is kept in the rule against that coming round. The sweep needs it (M_SWEEP_UNCHECKED).
 *
 * Checked: a word names an entry only while its tenant is the one it was given to; nothing is freed by others but words of the
 * marked; when all is over no word names an entry without tenant, and one reap frees all words of the dead; no deadlock. */

#ifndef NW
#define NW 2
#endif
#ifndef NE
#define NE 2
#endif
#ifndef NWORK
#define NWORK 3
#endif
#ifndef NREC
#define NREC 1
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef OPS_REST
#define OPS_REST 1
#endif
#define NACT (NWORK + NREC)

/* A word: 0 free, else generation * 4 + entry + 1. */
#define WORD(g, e) ((g) * 4 + (e) + 1)
#define ENTRY(v) (((v) & 3) - 1)
#define GEN(v) ((v) >> 2)
/* A reservation word: attach number * 4 + stage. */
#define OFFERED 0
#define RESERVED 1
#define TAKEN 2
#define RECYCLING 3
#define STAGE(r) ((r) & 3)
#define NUMBER(r) ((r) >> 2)
#define NOBODY NE

byte w[NW];                       /* slot words */
byte seat[NE];                    /* reservation words */
byte hazard[NE];                  /* the entry that the tenant is about to write into a word */
byte presence[NE];                /* 1 + worker that armed it; DIED set by the kernel */
#define DIED 8
byte copy[NACT], at[NACT];        /* a word's value that an actor remembers, and where */

/* Ghosts. */
byte tenant[NE];                  /* the worker in the entry, NWORK: nobody yet */
byte given[NW];                   /* the worker that the word was given to */
bool marked[NWORK], gone[NWORK];
byte over;

hidden byte zg, zx, zp;
hidden int zu;

inline fresh(x) {
  zu = 0; zp = 0;
  do
  :: zp < NACT -> if :: copy[zp] && at[zp] == x -> zu = zu | (1 << GEN(copy[zp])) :: else fi; zp++
  :: else -> break
  od;
  if :: w[x] -> zu = zu | (1 << GEN(w[x])) :: else fi;
  zg = 0;
  do :: (zu >> zg) & 1 -> zg++ :: else -> break od;
  zp = 0
}

/* Every word is in the hands it was given to. */
inline observe() {
  zx = 0;
  do :: zx < NW -> assert(!w[zx] || tenant[ENTRY(w[zx])] == given[zx]); zx++ :: else -> break od;
  zx = 0
}

/* Write entry e into word x for worker t: one CAS from `from`. */
inline cas_owner(x, from, e, t, keep_generation) {
  if
  :: w[x] == from ->
     if :: keep_generation -> zg = GEN(from) :: else -> fresh(x) fi;
     w[x] = WORD(zg, e); given[x] = t; observe()
  :: else
  fi;
  zg = 0; zu = 0
}
#ifdef M_NO_GENERATION
#define KEEP true
#else
#define KEEP false
#endif

/* A reaper or releaser frees exactly the word that it remembers. The living lose nothing. */
inline free_exactly(x, from) {
  if :: w[x] == from -> assert(marked[given[x]]); w[x] = 0 :: else fi;
  zx = 0
}

#define CAN(c) (ops < (id == 0 -> OPS : OPS_REST) && (c))
inline intend(x, y) { ops++; copy[id] = w[x]; at[id] = x; target = y; r = seat[y]; t = tenant[y] }
proctype Worker(byte id; byte e) {
  byte ops, target, r, t;
  {
    if
    :: e < NE -> skip
    :: else ->                                         /* attach: reserve by CAS, clear what is the tenant's own, arm, become visible */
#if NE > 2
       if
       :: d_step { STAGE(seat[0]) == OFFERED -> e = 0; seat[0] = seat[0] + RESERVED - OFFERED; tenant[0] = id; observe() }
       :: d_step { STAGE(seat[1]) == OFFERED -> e = 1; seat[1] = seat[1] + RESERVED - OFFERED; tenant[1] = id; observe() }
       :: d_step { STAGE(seat[2]) == OFFERED -> e = 2; seat[2] = seat[2] + RESERVED - OFFERED; tenant[2] = id; observe() }
       :: over >= NWORK - 1 -> goto leave              /* nobody ended: no seat for it */
       fi;
#else
       if
       :: d_step { STAGE(seat[0]) == OFFERED -> e = 0; seat[0] = seat[0] + RESERVED - OFFERED; tenant[0] = id; observe() }
       :: d_step { STAGE(seat[1]) == OFFERED -> e = 1; seat[1] = seat[1] + RESERVED - OFFERED; tenant[1] = id; observe() }
       :: timeout -> goto leave                        /* nobody ended: no seat for it */
       fi;
#endif
#ifndef M_RECYCLER_CLEARS
       hazard[e] = NOBODY;
#endif
       d_step { presence[e] = 1 + id; if :: marked[id] -> presence[e] = presence[e] + DIED :: else fi; zx = 0 }
       seat[e] = seat[e] + TAKEN - RESERVED
    fi;
again:
    do                                                 /* claim; release by the owner */
    :: d_step { CAN(w[0] == 0) -> ops++; cas_owner(0, 0, e, id, false) }
#if NW > 1
    :: d_step { CAN(w[1] == 0) -> ops++; cas_owner(1, 0, e, id, false) }
#endif
    :: d_step { CAN(w[0] && ENTRY(w[0]) == e) -> ops++; w[0] = 0 }
#if NW > 1
    :: d_step { CAN(w[1] && ENTRY(w[1]) == e) -> ops++; w[1] = 0 }
#endif
    /* bind, or adopt where the target is the own entry: a token in hand, the new owner looked up. One step does, for the CAS is
       from exactly the token: had the word changed between token and look-up, nothing would come of it. */
    :: d_step { CAN(w[0] && STAGE(seat[0]) == TAKEN) -> intend(0, 0) } goto transfer
    :: d_step { CAN(w[0] && STAGE(seat[1]) == TAKEN) -> intend(0, 1) } goto transfer
#if NW > 1
    :: d_step { CAN(w[1] && STAGE(seat[0]) == TAKEN) -> intend(1, 0) } goto transfer
    :: d_step { CAN(w[1] && STAGE(seat[1]) == TAKEN) -> intend(1, 1) } goto transfer
#endif
#if NE > 2
    :: d_step { CAN(w[0] && STAGE(seat[2]) == TAKEN) -> intend(0, 2) } goto transfer
#if NW > 1
    :: d_step { CAN(w[1] && STAGE(seat[2]) == TAKEN) -> intend(1, 2) } goto transfer
#endif
#endif
    :: break                                           /* ends early or late */
    od;
    goto leave;
transfer:
#ifdef M_HAZARD_LATE
    if :: seat[target] == r -> hazard[e] = target :: else -> goto clear fi;
#else
    hazard[e] = target;
    if :: seat[target] == r -> skip :: else -> goto clear fi;
#endif
    d_step { cas_owner(at[id], copy[id], target, t, KEEP); copy[id] = 0; at[id] = 0 }
clear: atomic { hazard[e] = NOBODY; copy[id] = 0; at[id] = 0; target = 0; r = 0; t = 0; goto again }
leave: skip
  } unless { gone[id] };
  atomic { copy[id] = 0; at[id] = 0; over++ }
}

/* try_recycle() and reap_word(), by whoever finds the dead. */
#ifdef M_RECYCLE_MARKED
#define PROVEN_GONE(p) (marked[p])
#else
#define PROVEN_GONE(p) (gone[p])
#endif
#ifdef M_HAZARD_OF_MARKED
#define HAZARD_VOID(q) (tenant[q] == NWORK || marked[tenant[q]])
#else
#define HAZARD_VOID(q) (tenant[q] == NWORK || gone[tenant[q]])
#endif
#ifdef M_NO_PROOF
#define LOOKS_DEAD(y) true
#else
#define LOOKS_DEAD(y) (presence[y] & DIED)
#endif
#define ME (NWORK + id)
proctype Recycler(byte id) {
  byte e, r, x, q;
end:
    do
    /* reap: attach number, word, presence, number again, exact CAS. It starts once the mark is there: before it the same loads
       give the same values, or the later ones undo them. */
    :: d_step { STAGE(seat[0]) == TAKEN && LOOKS_DEAD(0) -> e = 0; r = seat[0] } goto reap
    :: d_step { STAGE(seat[1]) == TAKEN && LOOKS_DEAD(1) -> e = 1; r = seat[1] } goto reap
#if NE > 2
    :: d_step { STAGE(seat[2]) == TAKEN && LOOKS_DEAD(2) -> e = 2; r = seat[2] } goto reap
#endif

    :: atomic {                                        /* recycle: proven gone, or another's recycling is found half done */
         if
         :: STAGE(seat[0]) == RECYCLING || (STAGE(seat[0]) == TAKEN && PROVEN_GONE(tenant[0])) -> e = 0
         :: STAGE(seat[1]) == RECYCLING || (STAGE(seat[1]) == TAKEN && PROVEN_GONE(tenant[1])) -> e = 1
#if NE > 2
         :: STAGE(seat[2]) == RECYCLING || (STAGE(seat[2]) == TAKEN && PROVEN_GONE(tenant[2])) -> e = 2
#endif
         fi;
         r = seat[e] }
       if
       :: STAGE(r) == TAKEN ->                         /* first the attach number changes */
          d_step { if :: seat[e] == r -> r = (NUMBER(r) + 1) * 4 + RECYCLING; seat[e] = r :: else -> r = 0 fi; zx = 0 }
          if :: r == 0 -> goto idle :: else fi
       :: else -> skip
       fi;
#ifdef M_OFFER_FIRST
       d_step { if :: seat[e] == r -> seat[e] = r + OFFERED - RECYCLING :: else fi; r = seat[e] }
#endif
#ifndef M_NO_HAZARD_WAIT
       q = 0;                                          /* then no hazard of a process that may still run names the entry */
       do
       :: d_step { q < NE && (q == e || hazard[q] != e) -> q++ }
       :: q < NE && q != e && hazard[q] == e ->        /* void if its tenant is gone; otherwise somebody tries later */
          if :: d_step { HAZARD_VOID(q) -> q++ } :: else -> goto idle fi
       :: q == NE -> break
       od;
#endif
       do                                              /* then all words are swept, each as in a reap */
       :: x < NW && (!w[x] || ENTRY(w[x]) != e) -> x++
       :: d_step { x < NW && w[x] && ENTRY(w[x]) == e -> copy[ME] = w[x]; at[ME] = x }
#ifndef M_SWEEP_UNCHECKED
          if :: seat[e] == r -> skip :: else -> goto idle fi;
#endif
          d_step { free_exactly(x, copy[ME]); copy[ME] = 0; at[ME] = 0; x++ }
       :: x == NW -> break
       od;
#ifdef M_RECYCLER_CLEARS
       hazard[e] = NOBODY;
#endif
#ifndef M_OFFER_FIRST
       atomic { if :: seat[e] == r -> seat[e] = r + OFFERED - RECYCLING :: else fi; zx = 0 }   /* and only then it is offered */
#endif
idle:  atomic { copy[ME] = 0; at[ME] = 0; e = 0; r = 0; x = 0; q = 0 }
    od;
reap:
    if
    :: d_step { w[0] && ENTRY(w[0]) == e -> copy[ME] = w[0]; at[ME] = 0 }
#if NW > 1
    :: d_step { w[1] && ENTRY(w[1]) == e -> copy[ME] = w[1]; at[ME] = 1 }
#endif
    :: else -> goto idle
    fi;
    if :: LOOKS_DEAD(e) -> skip :: else -> goto idle fi;
#ifndef NO_ATTACH_CHECK
    if :: seat[e] == r -> skip :: else -> goto idle fi;
#endif
    d_step { free_exactly(at[ME], copy[ME]) }
    goto idle
}

/* The kernel: marks at any step, ends at any later one. */
proctype Kernel() {
end:
  do
#ifndef ONE_DIES
  :: d_step { !marked[0] -> marked[0] = true; presence[0] = presence[0] | (tenant[0] == 0 -> DIED : 0) }
  :: d_step { marked[0] && !gone[0] -> gone[0] = true }
#endif
  :: d_step { !marked[1] -> marked[1] = true; presence[1] = presence[1] | (tenant[1] == 1 -> DIED : 0) }
  :: d_step { marked[1] && !gone[1] -> gone[1] = true }
  od
}

init {
  atomic {
    tenant[0] = 0; tenant[1] = 1; presence[0] = 1; presence[1] = 2; seat[0] = TAKEN; seat[1] = TAKEN;
    hazard[0] = NOBODY; hazard[1] = NOBODY;
#if NE > 2
    tenant[2] = NWORK; hazard[2] = NOBODY; seat[2] = OFFERED;
#endif
    run Worker(0, 0); run Worker(1, 1);
#if NWORK > 2
    run Worker(2, NE);
#endif
    run Recycler(0);
#if NREC > 1
    run Recycler(1);
#endif
    run Kernel()
  }
  /* When all is over a reap frees what names a marked owner; what names an entry without tenant would be lost for ever. */
  d_step { over == NWORK ->
    zx = 0;
    do
    :: zx < NW ->
       assert(!w[zx] || STAGE(seat[ENTRY(w[zx])]) == TAKEN || STAGE(seat[ENTRY(w[zx])]) == RECYCLING);
       assert(!w[zx] || !marked[given[zx]] || (presence[ENTRY(w[zx])] & DIED));
       zx++
    :: else -> break
    od
  }
}
