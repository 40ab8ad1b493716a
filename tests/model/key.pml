/* key.pml: fields of a slot record beside the word: key uniqueness, and what a scan may believe of a field.
 *
 * Stands for: step 1 of the design's claim (record and key fingerprint are written under CLAIMING), "carry the same key" in the conflict
 * rule, `duplicate_key`, and the reap of CLAIMING words; in C++ include/slotd/quick_claim.hpp (try_publish()),
 * include/slotd/scan.hpp (has_key(), pending_memory()) and include/slotd/process_table.hpp (reap_word()). The memory cost is such a field too, what is found here holds for it.
 * Words, generations and steps are as in rule.pml. The only limit is: one slot a key. Processes 0 and 2 use key 1, process 1 key 2.
 * Once in a claim some other limit may seem to fail, so that a second pass follows one without a match.
 * The bound is left out (it is in rule.pml): a conflict lasts until the other one moves.
 *
 * The rule as checked: the scan loads a word and then the field (or, with FIELD_FIRST, the other way round: both are right); a
 * refusal needs the word with the same generation *and the matching field* in two successive passes.
 * Options: DIE  process 1 is marked at any step, runs on, is gone at any later step; anybody reaps.
 * Mutants, each must fail: M_FIELD_ONCE     the first pass keeps words only, the field is matched in the second alone
 *                          M_NO_CONFIRM     one pass is enough
 *                          M_REAP_CLAIMING  CLAIMING words are freed on the mark: a thread still running writes into the next
 *                                           claim's record (needs DIE)
 *
 * Checked: never two held slots with one key; `duplicate_key` only if at an instant of the claim another slot with that key was
 * held; somebody wins; no deadlock. */
#ifndef NP
#define NP 3
#endif
#ifndef NS
#define NS 2
#endif
#ifndef NCL
#define NCL 1
#endif
#ifndef MAXP
#define MAXP 3
#endif
#define FREE 0
#define CLAIM 1
#define TENT 2
#define HELD 3
#define WORD(g, o, s) ((g) * 16 + (o) * 4 + (s))
#define ST(v) ((v) & 3)
#define OWNER(v) (((v) >> 2) & 3)
#define GEN(v) ((v) >> 4)
#define KEY(p) ((p) == 1 -> 2 : 1)
#define NONE NS
#define SEEN(p, x) seen[(p) * NS + (x)]

byte w[NS], key[NS];                   /* words; the key field of the records */
byte seen[NP * NS], cur[NP], my[NP];
byte got[NP], at[NP];                  /* the word's value that the scan has in hand; its index */
byte low[NP], lowv[NP];
bool mark[NP], gone[NP], in_claim[NP], saw_key[NP];
byte won, done;
hidden byte zp, zx, zg, zn;
hidden int zu;

inline fresh(x) {
  zu = 0; zp = 0; zg = 0;
  do
  :: zp < NP ->
     if :: SEEN(zp, x) -> zu = zu | (1 << GEN(SEEN(zp, x))) :: else fi;
     if :: at[zp] == x && got[zp] -> zu = zu | (1 << GEN(got[zp])) :: else fi;
     if :: low[zp] == x && lowv[zp] -> zu = zu | (1 << GEN(lowv[zp])) :: else fi;
     if :: my[zp] == x && cur[zp] -> zu = zu | (1 << GEN(cur[zp])) :: else fi;
     zp++
  :: else -> break
  od;
  do :: (zu >> zg) & 1 -> zg++ :: else -> break od;
  zp = 0
}
inline observe() {
  zp = 0;
  do
  :: zp < NP ->
     zn = 0; zx = 0;
     do :: zx < NS -> zn = zn + (ST(w[zx]) == HELD && KEY(OWNER(w[zx])) == KEY(zp)); zx++ :: else -> break od;
     assert(zn <= 1);
     saw_key[zp] = saw_key[zp] || (in_claim[zp] && zn == 1 && ST(cur[zp]) != HELD);
     zp++
  :: else -> break
  od;
  zp = 0; zx = 0
}
/* CAS of the own word; a marked owner may find it reaped. */
inline move_own(s) {
  if
  :: w[my[id]] == cur[id] -> w[my[id]] = (s == FREE -> 0 : WORD(GEN(cur[id]), id, s)); cur[id] = w[my[id]]
  :: else -> assert(mark[id]); cur[id] = 0
  fi;
  observe()
}
inline forget() { zx = 0; do :: zx < NS -> SEEN(id, zx) = 0; zx++ :: else -> break od; zx = 0 }

#define TAKE 0
#define WRITE 1
#define PUBLISH 2
#define LOAD 3
#define FIELD 4
#define ADMIT 5
#define RETRACT 6
#define WAIT 7
#define REFUSE 8
#define ANSWERED 9
#define RELEASE 10
#define STOPPED 11
inline take(x) { in_claim[id] = true; fresh(x); my[id] = x; cur[id] = WORD(zg, id, CLAIM); w[x] = cur[id]; observe(); pc = WRITE }

/* One word with its field; f is the field's value. */
inline judge_word(v, f) {
  if
  :: ST(v) == HELD && f == KEY(id) ->
     hit = true; both = both || (SEEN(id, i) && GEN(SEEN(id, i)) == GEN(v)); SEEN(id, i) = v
#ifdef M_FIELD_ONCE
  :: ST(v) == HELD && f != KEY(id) -> SEEN(id, i) = v
#else
  :: ST(v) == HELD && f != KEY(id) -> SEEN(id, i) = 0
#endif
  :: ST(v) == TENT ->
     SEEN(id, i) = 0;
     if
     :: f == KEY(id) -> clash = true; if :: low[id] == NONE && i < my[id] -> low[id] = i; lowv[id] = v :: else fi
     :: else
     fi
  :: else -> SEEN(id, i) = 0
  fi;
  got[id] = 0; at[id] = 0; field = 0; i++; pc = LOAD
}
inline judge() {
  i = 0; passes++;
#ifdef M_NO_CONFIRM
  both = hit;
#endif
  sure = hit && both;
  pc = (sure || (hit && passes == MAXP) -> REFUSE : (hit -> LOAD : (!clash -> ADMIT : (low[id] != NONE -> RETRACT : LOAD))));
  passes = (hit -> passes : 0);
  if :: pc != RETRACT -> low[id] = NONE; lowv[id] = 0 :: else fi;
  hit = false; both = false; clash = false
}

proctype Claimer(byte id) {
  byte pc, i, passes, claims, field;
  bool hit, both, clash, sure, other;
  { do
    :: d_step { pc == TAKE && ST(w[0]) == FREE -> take(0) }
    :: d_step { pc == TAKE && ST(w[1]) == FREE -> take(1) }
#if NS > 2
    :: d_step { pc == TAKE && ST(w[2]) == FREE -> take(2) }
#endif
    :: d_step { pc == WRITE -> key[my[id]] = KEY(id); pc = PUBLISH }       /* a plain store, not guarded by the word */
    :: d_step { pc == PUBLISH -> move_own(TENT); pc = (cur[id] -> LOAD : ANSWERED) }
#ifdef FIELD_FIRST
    :: d_step { pc == LOAD -> field = key[i]; pc = FIELD }
    :: d_step { pc == FIELD ->
         if :: i != my[id] -> judge_word(w[i], field) :: else -> i++; field = 0; pc = LOAD fi;
         if :: i == NS -> judge() :: else fi; zx = 0 }
#else
    :: d_step { pc == LOAD ->
         if
         :: i != my[id] && ST(w[i]) >= TENT -> got[id] = w[i]; at[id] = i; pc = FIELD
         :: else -> SEEN(id, i) = 0; i++; if :: i == NS -> judge() :: else fi
         fi;
         zx = 0 }
    :: d_step { pc == FIELD -> judge_word(got[id], key[i]); if :: i == NS -> judge() :: else fi; zx = 0 }
#endif
    :: d_step { pc == ADMIT && !other -> other = true; pc = LOAD }             /* another limit failed in this pass */
    :: d_step { pc == ADMIT -> forget(); move_own(HELD); won = won + (cur[id] != 0); pc = ANSWERED }
    :: d_step { pc == RETRACT -> move_own(FREE); my[id] = 0; pc = WAIT }
    :: d_step { pc == WAIT && w[low[id]] != lowv[id] -> low[id] = NONE; lowv[id] = 0; pc = TAKE }
    :: d_step { pc == REFUSE ->                        /* or contended, where the passes never agreed */
         assert(!sure || saw_key[id] || mark[id]);
         move_own(FREE); pc = ANSWERED }
    :: d_step { pc == ANSWERED ->
         forget(); in_claim[id] = false; saw_key[id] = false; sure = false; other = false; passes = 0; low[id] = NONE; lowv[id] = 0; claims++;
         my[id] = (cur[id] -> my[id] : 0);
         pc = (cur[id] -> RELEASE : (claims < NCL -> TAKE : STOPPED)) }
    :: d_step { pc == RELEASE -> move_own(FREE); my[id] = 0; pc = (claims < NCL -> TAKE : STOPPED) }
    :: pc == STOPPED -> break
    od
  } unless { gone[id] };
  done++
}

#ifdef M_REAP_CLAIMING
#define REAPABLE(v) (ST(v) != FREE && mark[OWNER(v)])
#else
#define REAPABLE(v) (ST(v) != FREE && mark[OWNER(v)] && (ST(v) != CLAIM || gone[OWNER(v)]))
#endif
proctype Reaper() {
end:
  do
  :: d_step { REAPABLE(w[0]) -> w[0] = FREE; observe() }
  :: d_step { REAPABLE(w[1]) -> w[1] = FREE; observe() }
#if NS > 2
  :: d_step { REAPABLE(w[2]) -> w[2] = FREE; observe() }
#endif
  od
}
init {
  d_step { zx = 0; do :: zx < NP -> low[zx] = NONE; zx++ :: else -> break od; zx = 0 }
  atomic {
    run Claimer(0); run Claimer(1);
#if NP > 2
    run Claimer(2);
#endif
#ifdef DIE
    run Reaper()
#endif
  }
#ifdef DIE
  if :: mark[1] = true; if :: gone[1] = true :: true fi :: true fi;
#endif
  d_step { done == NP -> assert(won >= 1 || mark[1]) }
}
