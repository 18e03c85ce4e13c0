import type { Reply } from '../network.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Tally } from '../tally.ts'
import { BrokerError } from './partition-log.ts'

export interface Joined {
  readonly memberId: string
  readonly generation: number
  readonly partitions: readonly number[]
}

interface Member {
  readonly id: string
  deadline: number
  /** Its answer to JoinGroup, while it waits for the others. */
  joining: Reply<Joined> | null
}

interface GroupParts {
  readonly scheduler: Scheduler
  readonly tally: Tally
  readonly partitions: number
  readonly upAt: () => number
}

const sessionTimeoutMs = 6_000
const rebalanceTimeoutMs = 30_000
const gatherMs = 20

/** A consumer group: members, their sessions, and a generation for each assignment. */
export class GroupCoordinator {
  readonly #parts: GroupParts
  readonly #members = new Map<string, Member>()
  generation = 0
  #rebalance = 0
  #isRebalancing = false
  #nextMember = 1

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  /** Answers when every member has joined, or the slowest was given up. */
  join(memberId: string | null, reply: Reply<Joined>): void {
    if (memberId !== null && !this.#members.has(memberId)) {
      reply.fail(new BrokerError('UNKNOWN_MEMBER_ID'))
      return
    }
    const id = memberId ?? `m${String(this.#nextMember++).padStart(3, '0')}`
    const member = this.#members.get(id) ?? { id, deadline: 0, joining: null }
    member.joining = reply
    if (!this.#members.has(id)) this.#watch(member)
    this.#members.set(id, member)
    this.#touch(member)
    this.#beginRebalance()
    this.#endRebalanceIfAllJoined()
  }

  heartbeat(memberId: string, generation: number): void {
    const member = this.#known(memberId, generation)
    this.#touch(member)
    if (this.#isRebalancing) throw new BrokerError('REBALANCE_IN_PROGRESS')
  }

  leave(memberId: string): void {
    this.#remove(memberId)
  }

  /** @throws BrokerError for a member that lost its place */
  checkCommit(memberId: string, generation: number): void {
    try {
      this.#known(memberId, generation)
    } catch (error) {
      this.#parts.tally.add('refused: offset commit of a former member')
      throw error
    }
  }

  #known(memberId: string, generation: number): Member {
    const member = this.#members.get(memberId)
    if (member === undefined) throw new BrokerError('UNKNOWN_MEMBER_ID')
    if (generation !== this.generation) throw new BrokerError('ILLEGAL_GENERATION')
    return member
  }

  #touch(member: Member): void {
    member.deadline = this.#parts.scheduler.now + sessionTimeoutMs
  }

  #watch(member: Member): void {
    const { scheduler, upAt } = this.#parts
    const look = (): void => {
      if (this.#members.get(member.id) !== member) return
      // A broker that was away gives its members a new session, and one that waits for the others is not silent.
      if (upAt() > scheduler.now) member.deadline = upAt() + sessionTimeoutMs
      else if (member.joining !== null) this.#touch(member)
      if (member.deadline <= scheduler.now) {
        this.#parts.tally.add('session timed out')
        this.#remove(member.id)
      } else scheduler.after(member.deadline - scheduler.now, look)
    }
    scheduler.after(sessionTimeoutMs, look)
  }

  #remove(memberId: string): void {
    if (!this.#members.delete(memberId)) return
    if (this.#members.size === 0) {
      this.#isRebalancing = false
      this.generation += 1
      return
    }
    this.#beginRebalance()
    this.#endRebalanceIfAllJoined()
  }

  #beginRebalance(): void {
    if (this.#isRebalancing) return
    this.#isRebalancing = true
    this.#parts.tally.add('rebalance')
    const rebalance = ++this.#rebalance
    this.#parts.scheduler.after(rebalanceTimeoutMs, () => {
      if (!this.#isRebalancing || rebalance !== this.#rebalance) return
      for (const member of [...this.#members.values()]) {
        if (member.joining === null) this.#members.delete(member.id)
      }
      this.#endRebalanceIfAllJoined()
    })
  }

  #endRebalanceIfAllJoined(): void {
    const rebalance = this.#rebalance
    this.#parts.scheduler.after(gatherMs, () => {
      const members = [...this.#members.values()]
      if (!this.#isRebalancing || rebalance !== this.#rebalance) return
      if (members.length === 0 || members.some(({ joining }) => joining === null)) return
      this.#isRebalancing = false
      this.generation += 1
      members.sort((a, b) => (a.id < b.id ? -1 : 1))
      members.forEach((member, index) => {
        const partitions = Array.from({ length: this.#parts.partitions }, (_, p) => p).filter(
          (p) => p % members.length === index,
        )
        this.#touch(member)
        member.joining?.ok({ memberId: member.id, generation: this.generation, partitions })
        member.joining = null
      })
    })
  }
}
