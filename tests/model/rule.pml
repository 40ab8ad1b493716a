/* rule.pml: the claim rule, one limit over NS slot words.
 *
 * Stands for: "Claim", "Refusal, confirmed", "Conflict", "Release" and "Reap" of the design; in C++
 *   include/slotd/claim.hpp          Claim::run(), reap_seen()
 *   include/slotd/quick_claim.hpp    take_word(), try_publish(), admit(), drop_word()
 *   include/slotd/claim_slow.hpp     settle() the passes, settle_conflict() the order, spin_until_changed(),
 *                                    judge_expired_conflict() the look after the bound, look() step 0
 *   include/slotd/slot_table.hpp     release_slot()
 *   include/slotd/process_table.hpp  reap_word()
 * Not for: a full table (table.pml), keys and record fields (key.pml), change of owner and entry reuse (transfer.pml), config
 * and samples (epochs.pml), weak memory orders (each step here is one sequentially consistent access).
 *
 * One step of a process is one access to a shared word (a load, or a CAS) with the private arithmetic that follows it.
 * A word is one byte: state, owner, generation. The C++ generation has 26 bits and is assumed not to come round to the same
 * value while somebody remembers it. The model makes that assumption exact and the state space finite: a new generation
 * is the smallest that no process remembers for that word (fresh()). PENDING, ACTIVE and ENDING are one state, HELD.
 *
 * Size:      NP processes, NS words, LIM limit, NCL claims of each process, MAXP confirming passes (8 in C++).
 * Options:   REL       winners release                          CLAIMING  words pass through CLAIMING
 *            STEP0     a claim may look before it takes a word  HWM       scans go to the high-water mark
 *            LOWEST    the lowest free word is taken, else any     KF        the bound fires at most KF times a claim
 *            HEAVY     process 0 asks for 2, the others for 1
 *            DIE       process 0 is marked dead at any step, runs on for a while, and stops at any later step
 *            STOP      process 0 stops at any step and is alive for ever
 *            LIVE      the bound is over only while a stopped process is what one waits for (for pan -l -f: a scheduler
 *                      that stops everybody for 200 us at will can always delay); otherwise it may be over at any moment
 * Mutants, each must fail: M_SCAN_FIRST M_NO_CONFIRM M_ANY_TENTATIVE M_ANY_NOTED M_ONE_LOOK M_NO_PROOF M_NO_GENERATION M_BLIND_RETRACT
 *            M_MARK_LATE M_MARK_EARLY M_NO_ORDER M_NO_PRESENCE
 *            M_STUCK_ORDERS (words that outlived a bound still order others) M_LOOK_ANEW (presence of the words as they are now)
 *            ROUNDS=n (with M_STUCK_ORDERS: contended, without proof, after n bounds)
 *            HEAVY_STRICT (asks more than the bound can give)
 *
 * Checked: never more held than the limit (P2); a refusal only if at an instant of the claim held slots of owners not marked
 * left no room (P11); `contended` from the bound only if at an instant held and TENTATIVE words left no room; of running
 * claimants min(NP, LIM) win, a stopped or dead one costs at most one of them; the living never lose a word (P4); after the
 * end nothing is TENTATIVE but a stopped process's word; no deadlock; with pan -l -f no livelock. */

#ifndef NP
#define NP 2
#endif
#ifndef NS
#define NS NP
#endif
#ifndef LIM
#define LIM 1
#endif
#ifndef NCL
#define NCL 1
#endif
#ifndef MAXP
#define MAXP 3
#endif
#ifdef HEAVY
#define COST(p) ((p) == 0 -> 2 : 1)
#else
#define COST(p) 1
#endif

#define FREE 0
#define CLAIM 1
#define TENT 2
#define HELD 3
#define WORD(g, o, s) ((g) * 16 + (o) * 4 + (s))
#define ST(v) ((v) & 3)
#define OWNER(v) (((v) >> 2) & 3)
#define GEN(v) ((v) >> 4)
#define NONE NS
#define SEEN(p, x) seen[(p) * NS + (x)]
#define NOTE(p, x) note[(p) * NS + (x)]
#define OLD(p, x) old[(p) * NS + (x)]
#define GOES_ON(p) (!stop[p] && !mark[p])

/* What a process does next. */
#define START 0
#define TAKE 1
#define CAS 2
#define RAISE 3
#define PUBLISH 4
#define READ 5
#define ADMIT 6
#define PRESENCE 7
#define REFUSE 8
#define CONFLICT 9
#define RETRACT 10
#define WAIT 11
#define BOUND 12
#define LOOK1 13
#define LOOK2 14
#define PRESENCE2 15
#define CONTENDED 16
#define ANSWERED 17
#define RELEASE 18
#define STOPPED 19
#define AGAIN 20

#ifdef CLAIMING
#define FIRST CLAIM
#if defined(M_MARK_EARLY)
#define AFTER_TAKE pc = RAISE
#elif defined(HWM) && !defined(M_MARK_LATE)
#define AFTER_TAKE pc = (hwm <= my[id] -> RAISE : PUBLISH)
#else
#define AFTER_TAKE pc = PUBLISH
#endif
#else
#define FIRST TENT
#define AFTER_TAKE begin_pass()
#endif
#ifdef M_ONE_LOOK
#define LOOKED observe_look(); judge_look()
#else
#define LOOKED observe_look(); i = 0; pc = LOOK2
#endif
#ifndef M_STUCK_ORDERS
#define OUTLIVED(p, x) OLD(p, x)
#else
#define OUTLIVED(p, x) 0
#endif

byte w[NS];                 /* the slot words */
byte seen[NP * NS];         /* what a pass showed; only values that a later pass is compared with */
byte note[NP * NS];         /* TENTATIVE values noted at the first conflict */
#ifndef M_STUCK_ORDERS
byte old[NP * NS];          /* noted values that outlived a bound */
#endif
byte my[NP], cur[NP];       /* the own word: index, value */
byte low[NP], lowv[NP];     /* the word waited for: index, value */
#ifdef HWM
byte hwm;                   /* the high-water mark */
#endif
bool mark[NP], stop[NP];    /* marked dead by the kernel; runs no more */

/* Ghosts: what an observer of every instant knows. */
bool in_claim[NP], saw_full[NP];
byte won, done;

hidden byte zp, zx, zg, zall, zlive, zbusy;
hidden int zu;

/* -> zg: a generation that nobody remembers for word x. */
inline fresh(x) {
  zg = 0;
#ifndef M_NO_GENERATION
  zu = 0; zp = 0;
  do
  :: zp < NP ->
     if :: SEEN(zp, x) -> zu = zu | (1 << GEN(SEEN(zp, x))) :: else fi;
     if :: NOTE(zp, x) -> zu = zu | (1 << GEN(NOTE(zp, x))) :: else fi;
#ifndef M_STUCK_ORDERS
     if :: OLD(zp, x) -> zu = zu | (1 << GEN(OLD(zp, x))) :: else fi;
#endif
     if :: low[zp] == x && lowv[zp] -> zu = zu | (1 << GEN(lowv[zp])) :: else fi;
     if :: my[zp] == x && cur[zp] -> zu = zu | (1 << GEN(cur[zp])) :: else fi;
     zp++
  :: else -> break
  od;
  do :: (zu >> zg) & 1 -> zg++ :: else -> break od;
#endif
  zp = 0
}

/* Look at all words of this instant: the limit, and what each claim in progress could truly have seen. */
inline observe() {
  zall = 0; zlive = 0; zx = 0;
  do
  :: zx < NS ->
     if
     :: ST(w[zx]) == HELD ->
        zall = zall + COST(OWNER(w[zx]));
        zlive = zlive + (mark[OWNER(w[zx])] -> 0 : COST(OWNER(w[zx])))
     :: else
     fi;
     zx++
  :: else -> break
  od;
  assert(zall <= LIM);
  zp = 0;
  do
  :: zp < NP ->
     if
     :: in_claim[zp] ->
        saw_full[zp] = saw_full[zp] || (zlive + COST(zp) > LIM)
     :: else
     fi;
     zp++
  :: else -> break
  od;
  zp = 0
}

/* Between the two passes of the look: do held words, and TENTATIVE ones that stood unchanged since the note, leave no room now? */
inline observe_look() {
  zbusy = 0; zx = 0;
  do
  :: zx < NS ->
     zbusy = zbusy + (ST(w[zx]) == HELD || (ST(w[zx]) == TENT && (w[zx] == NOTE(id, zx) || w[zx] == OUTLIVED(id, zx))) -> COST(OWNER(w[zx])) : 0);
     zx++
  :: else -> break
  od;
  saw_busy = (zbusy + COST(id) > LIM)
}

/* Private memory that is not compared with any more is zeroed: fewer states, and generations come free. */
inline forget_seen() { zx = 0; do :: zx < NS -> SEEN(id, zx) = 0; zx++ :: else -> break od; zx = 0 }
inline forget_note() { zx = 0; do :: zx < NS -> NOTE(id, zx) = 0; zx++ :: else -> break od; zx = 0 }
#ifndef M_STUCK_ORDERS
inline forget_old() { zx = 0; do :: zx < NS -> OLD(id, zx) = 0; zx++ :: else -> break od; zx = 0 }
#else
inline forget_old() { skip }
#endif

/* Step 1: CAS a free word. */
inline take(x, s) { in_claim[id] = true; fresh(x); my[id] = x; cur[id] = WORD(zg, id, s); w[x] = cur[id]; observe() }

/* CAS of the own word to another state; a marked owner may find it reaped, the living never (P4). */
inline move_own(s) {
#ifdef M_BLIND_RETRACT
  w[my[id]] = (s == FREE -> 0 : WORD(GEN(cur[id]), id, s)); cur[id] = w[my[id]];
#else
  if
  :: w[my[id]] == cur[id] -> w[my[id]] = (s == FREE -> 0 : WORD(GEN(cur[id]), id, s)); cur[id] = w[my[id]]
  :: else -> assert(mark[id]); cur[id] = 0
  fi;
#endif
  my[id] = (cur[id] -> my[id] : 0); observe()
}

/* The verdict of the look: contended, if what both passes show with the same value leaves no room; else again with a new note. */
inline judge_look() {
  i = 0; conf = (both + COST(id) > LIM); both = 0; noted = false; forget_note();
#ifdef M_ANY_NOTED
  zx = 0; do :: zx < NS -> conf = conf || (ST(SEEN(id, zx)) == TENT); zx++ :: else -> break od;
#endif
#if defined(M_ANY_NOTED) || defined(M_ONE_LOOK)
  saw_busy = saw_busy || conf;                         /* these mutants must lose the race, not merely the ghost's favour */
#endif
#ifndef M_STUCK_ORDERS
  zx = 0; do :: zx < NS -> OLD(id, zx) = (ST(SEEN(id, zx)) == TENT -> SEEN(id, zx) : 0); zx++ :: else -> break od;
#endif
#ifdef ROUNDS
  rounds++;
  if :: !conf && rounds >= ROUNDS -> conf = true; saw_busy = true :: else fi;
#endif
  if :: conf -> pc = PRESENCE2 :: else -> forget_seen(); saw_busy = false; pc = TAKE fi;
  conf = false
}

/* The bound: over at any moment of a conflict, at most KF times a claim where KF is given; with LIVE, only while a stopped process
   is what one waits for. */
#ifdef KF
#define MAY_FIRE (fires < KF || stop[0])
#else
#define MAY_FIRE true
#endif
#ifdef LIVE
#define WAIT_ENDS (stop[OWNER(lowv[id])])
#define SCANS_END (ends)
#define SCANS_GO_ON (!ends)
#else
#define WAIT_ENDS MAY_FIRE
#define SCANS_END MAY_FIRE
#define SCANS_GO_ON true
#endif

inline begin_pass() {
  i = 0; held = 0; tent = 0; both = 0; stale = 0; ends = 0; low[id] = NONE; lowv[id] = 0; pc = READ;
#if defined(HWM) && !defined(M_MARK_EARLY)
  upto = (hwm == 0 -> 1 : hwm);                        /* the mark is read behind the barrier, before the words */
#endif
}

/* One word of a pass: what is held, what of it the last pass showed too, what is TENTATIVE, which of these orders us. */
inline read_word() {
  if
  :: ST(w[i]) == HELD ->
     held = held + COST(OWNER(w[i]));
     both = both + (SEEN(id, i) && GEN(SEEN(id, i)) == GEN(w[i]) -> COST(OWNER(w[i])) : 0);
     SEEN(id, i) = w[i]
  :: ST(w[i]) == TENT && w[i] != cur[id] ->
     SEEN(id, i) = 0; tent = tent + COST(OWNER(w[i]));
#ifdef LIVE
     ends = ends + (stop[OWNER(w[i])] -> COST(OWNER(w[i])) : 0);
#endif
     if
#ifndef M_STUCK_ORDERS
     :: OLD(id, i) == w[i] -> stale = stale + COST(OWNER(w[i]))
#endif
     :: else ->
        NOTE(id, i) = (noted -> NOTE(id, i) : w[i]);
#ifndef M_NO_ORDER
        if :: low[id] == NONE && i < my[id] -> low[id] = i; lowv[id] = w[i] :: else fi
#endif
     fi
  :: else -> SEEN(id, i) = 0
  fi;
  i++
}

/* The verdict of a pass. */
inline judge() {
  if
  :: held + COST(id) > LIM ->                          /* a refusal counts only what two successive passes show */
     passes++; i = 0; low[id] = NONE; lowv[id] = 0;
     if :: !noted -> forget_note() :: else fi;
#ifdef M_NO_CONFIRM
     both = held;
#endif
     conf = (both + COST(id) > LIM);
     if :: conf || passes >= MAXP -> pc = PRESENCE :: else -> begin_pass() fi
  :: else ->
     passes = 0; forget_seen();
     if
     :: look0 -> look0 = false; forget_note(); pc = TAKE; low[id] = NONE; lowv[id] = 0
     :: !look0 && held + tent + COST(id) <= LIM -> pc = ADMIT; low[id] = NONE; lowv[id] = 0
#ifndef M_STUCK_ORDERS
     :: !look0 && held + tent + COST(id) > LIM && held + stale + COST(id) > LIM -> noted = true; pc = BOUND; low[id] = NONE; lowv[id] = 0
     :: !look0 && held + tent + COST(id) > LIM && held + stale + COST(id) <= LIM ->
#else
     :: !look0 && held + tent + COST(id) > LIM ->
#endif
        noted = true; ends = (held + ends + COST(id) > LIM);
        pc = (low[id] != NONE -> RETRACT : CONFLICT)   /* a lower index: retract and wait; else keep the word, scan again */
     fi
  fi;
  held = 0; tent = 0; both = (pc == READ -> both : 0); stale = 0;
  i = 0
}

/* Is what the passes counted owned by the living? One word a step; a dead owner's word is reaped by exact CAS. The owner is that of
   the word as it was counted: the word may have changed since, and must not hide a death then (decision 0001, finding 3). */
#ifdef M_NO_PROOF
#define DEAD(v) (OWNER(v) != id)
#else
#define DEAD(v) (mark[OWNER(v)])
#endif
#ifdef M_LOOK_ANEW
#define COUNTED(x) w[x]
#else
#define COUNTED(x) SEEN(id, x)
#endif
inline probe_presence(otherwise, again) {
#if (defined(DIE) || defined(M_NO_PROOF)) && !defined(M_NO_PRESENCE)
  if
  :: ST(COUNTED(i)) >= TENT && COUNTED(i) != cur[id] && DEAD(COUNTED(i)) ->
     reaped = true;
     if :: w[i] == COUNTED(i) -> w[i] = FREE; observe() :: else fi
  :: else
  fi;
  i++;
  if
  :: i >= NS ->
     i = 0;
     if :: reaped -> reaped = false; passes = 0; conf = false; forget_seen(); pc = again :: else -> pc = otherwise fi
  :: else
  fi;
  zx = 0
#else
  pc = otherwise
#endif
}

#ifdef LOWEST
#define NEXT(p, x) (pc == p && ST(w[x]) == FREE && (x == 0 || ST(w[0])) && (x <= 1 || ST(w[1])) && (x <= 2 || ST(w[2])))
#else
#define NEXT(p, x) (pc == p && ST(w[x]) == FREE)
#endif
proctype Claimer(byte id) {
  byte pc = START, i, held, tent, both, stale, ends, passes, claims, upto = NS;
  bool noted, look0, conf, saw_busy;
#ifdef KF
  byte fires;
#endif
#ifdef ROUNDS
  byte rounds;
#endif
#if defined(DIE) || defined(M_NO_PROOF)
  bool reaped;
#endif
  { do
    :: atomic { pc == START ->
         pc = TAKE
#ifdef STEP0
         ; if :: true :: d_step { look0 = true; in_claim[id] = true; observe(); begin_pass() } fi
#endif
       }
#ifdef M_SCAN_FIRST
    :: d_step { pc == TAKE -> in_claim[id] = true; observe(); begin_pass() }
    :: d_step { NEXT(ADMIT, 0) -> take(0, HELD); won++; pc = ANSWERED }
    :: d_step { NEXT(ADMIT, 1) -> take(1, HELD); won++; pc = ANSWERED }
#elif defined(HWM) && !defined(CLAIMING)
    /* step 1, straight to TENTATIVE: the mark is raised above the index, then the CAS */
    :: atomic { pc == TAKE -> if :: i = 0 :: i = 1 fi; pc = CAS;
#ifndef M_MARK_LATE
         hwm = (hwm < i + 1 -> i + 1 : hwm)
#endif
       }
    :: d_step { pc == CAS -> if :: ST(w[i]) == FREE -> take(i, TENT); begin_pass() :: else -> pc = TAKE fi; i = 0 }
#else
    /* step 1: any free word, for hints differ */
    :: d_step { NEXT(TAKE, 0) -> take(0, FIRST); AFTER_TAKE }
    :: d_step { NEXT(TAKE, 1) -> take(1, FIRST); AFTER_TAKE }
#if NS > 2
    :: d_step { NEXT(TAKE, 2) -> take(2, FIRST); AFTER_TAKE }
#endif
#if NS > 3
    :: d_step { NEXT(TAKE, 3) -> take(3, FIRST); AFTER_TAKE }
#endif
#endif
#ifdef HWM
    :: d_step { pc == RAISE ->                         /* step 2: the mark above the index, before TENTATIVE */
         hwm = (hwm < my[id] + 1 -> my[id] + 1 : hwm);
#ifdef M_MARK_EARLY
         upto = hwm;
#endif
         pc = PUBLISH }
#endif
#ifdef CLAIMING
    :: d_step { pc == PUBLISH -> move_own(TENT); if :: cur[id] -> begin_pass() :: else -> pc = ANSWERED fi; zx = 0 }
#endif
    :: d_step { pc == READ && i < upto -> read_word(); if :: i >= upto -> judge() :: else fi; zx = 0 }       /* step 3 */
#ifndef M_SCAN_FIRST
    :: d_step { pc == ADMIT ->
#ifdef M_MARK_LATE
         hwm = (hwm < my[id] + 1 -> my[id] + 1 : hwm);
#endif
         move_own(HELD); won = won + (cur[id] && GOES_ON(id) -> 1 : 0); pc = ANSWERED }
#endif
    :: d_step { pc == PRESENCE -> probe_presence(REFUSE, AGAIN); if :: pc == AGAIN -> begin_pass() :: else fi; zx = 0 }
    :: d_step { pc == REFUSE ->                        /* or contended, where the passes never agreed */
         if :: conf -> assert(saw_full[id] || mark[id]) :: else fi;
         if :: cur[id] -> move_own(FREE) :: else fi;
         pc = ANSWERED }

    :: d_step { pc == CONFLICT && SCANS_GO_ON -> begin_pass() }     /* all are higher: scan again */
    :: d_step { pc == CONFLICT && SCANS_END -> pc = BOUND }
    :: d_step { pc == RETRACT -> move_own(FREE); pc = WAIT }
    :: d_step { pc == WAIT && w[low[id]] != lowv[id] -> low[id] = NONE; lowv[id] = 0; pc = TAKE }
    :: d_step { pc == WAIT && WAIT_ENDS -> low[id] = NONE; lowv[id] = 0; pc = BOUND }

    /* 200 us have passed: no own word any more, a look in two passes */
    :: d_step { pc == BOUND ->
#ifdef KF
         fires++;
#endif
         if :: cur[id] -> move_own(FREE) :: else fi;
         ends = 0; i = 0; both = 0; pc = LOOK1 }
    :: d_step { pc == LOOK1 ->
         if
         :: ST(w[i]) == HELD -> SEEN(id, i) = w[i]
#ifdef M_ANY_TENTATIVE
         :: ST(w[i]) == TENT -> SEEN(id, i) = w[i]
#else
         :: ST(w[i]) == TENT && (w[i] == NOTE(id, i) || w[i] == OUTLIVED(id, i)) -> SEEN(id, i) = w[i]
#endif
         :: else
         fi;
#ifdef M_ONE_LOOK
         both = both + (SEEN(id, i) -> COST(OWNER(SEEN(id, i))) : 0);
#endif
         i++;
         if :: i == NS -> LOOKED :: else fi;
         zx = 0 }
    :: d_step { pc == LOOK2 ->
         SEEN(id, i) = (SEEN(id, i) == w[i] -> SEEN(id, i) : 0);
         both = both + (SEEN(id, i) -> COST(OWNER(SEEN(id, i))) : 0);
         i++;
         if :: i == NS -> judge_look() :: else fi;
         zx = 0 }
    :: d_step { pc == PRESENCE2 -> probe_presence(CONTENDED, TAKE) }
    :: d_step { pc == CONTENDED -> assert(saw_busy); pc = ANSWERED }

    :: d_step { pc == ANSWERED ->
         in_claim[id] = false; saw_full[id] = false; saw_busy = false; noted = false; conf = false; passes = 0; ends = 0; look0 = false;
         low[id] = NONE; lowv[id] = 0; forget_seen(); forget_note(); forget_old();
#ifdef KF
         fires = 0;
#endif
#ifdef ROUNDS
         rounds = 0;
#endif
         claims++;
         if :: cur[id] -> assert(w[my[id]] == cur[id] || mark[id]) :: else fi;
#ifdef REL
         pc = (cur[id] -> RELEASE : (claims < NCL -> START : STOPPED))
#else
         my[id] = (claims < NCL || !cur[id] -> 0 : my[id]); cur[id] = (claims < NCL -> 0 : cur[id]);
         pc = (claims < NCL -> START : STOPPED)
#endif
       }
    :: d_step { pc == RELEASE -> move_own(FREE); pc = (claims < NCL -> START : STOPPED) }
    :: pc == STOPPED -> break
    od
  } unless { stop[id] };
  done++
}

#define MIN(x, y) ((x) < (y) -> (x) : (y))
init {
  d_step { zx = 0; do :: zx < NP -> low[zx] = NONE; zx++ :: else -> break od }
  atomic {
    run Claimer(0); run Claimer(1);
#if NP > 2
    run Claimer(2);
#endif
#if NP > 3
    run Claimer(3);
#endif
  }
#ifdef DIE
  if :: d_step { mark[0] = true; observe() } if :: stop[0] = true :: true fi :: true fi;
#endif
#ifdef STOP
  if :: stop[0] = true :: true fi;
#endif
  d_step { done == NP ->
    zx = 0;
    do :: zx < NS -> assert(ST(w[zx]) == FREE || ST(w[zx]) == HELD || stop[OWNER(w[zx])]); zx++ :: else -> break od;
#ifdef REL
    assert(won >= 1 || !GOES_ON(0));
#elif defined(HEAVY)
    assert(won >= 1 || !GOES_ON(0));
#if defined(LIVE) || defined(HEAVY_STRICT)
    /* no room is left that the smaller claims could have had; does not hold where 200 us may pass at will (finding 4) */
    zall = 0; zx = 0;
    do :: zx < NS -> zall = zall + (ST(w[zx]) == HELD -> COST(OWNER(w[zx])) : 0); zx++ :: else -> break od;
    assert(zall + 1 > LIM || !GOES_ON(0));
#endif
#else
    /* those who go on: all but process 0 when it was stopped or marked; it may keep one room */
    if
    :: GOES_ON(0) -> assert(won == MIN(NP, LIM))
    :: else -> assert(won >= MIN(NP - 1, LIM - 1))
    fi
#endif
  }
}
