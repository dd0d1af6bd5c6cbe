"""How many free numbers a distribution needs under an assumption, as exact whole numbers of any size.

    table, chain rule   K^n - 1                        the chain rule: sum_i (K-1) K^(i-1), the same number
    order m             sum_i (K-1) K^min(i-1, m)      for coins 2^m (n - m + 1) - 1; m = 0: n, m = 1: 2n - 1
    logistic (FVSBN)    n (n + 1) / 2                  a bias and a weight for each pixel before
    shared (NADE, MADE) 2 n H + n + H                  one hidden layer of H units with its weights shared

Bengio & Bengio 2000; Larochelle & Murray 2011 (NADE); Germain et al. 2015 (MADE).
"""

from __future__ import annotations


def table(n: int, levels: int = 2) -> int:
    """The table of all states but one, whose probability is what is left: K^n - 1."""
    return int(levels**n) - 1


def chain_rule(n: int, levels: int = 2) -> tuple[int, ...]:
    """What each factor p(x_i | x_1 ... x_(i-1)) needs: (K-1) K^(i-1); their sum is that of the table."""
    return tuple(int((levels - 1) * levels**before) for before in range(n))


def markov(n: int, memory: int, levels: int = 2) -> int:
    """Each number looks at the `memory` numbers before it, through a table of its own."""
    short = min(memory, n)
    starts = int(levels**short) - 1  # the first numbers, which have fewer before them
    return starts + (n - short) * (levels - 1) * int(levels**memory)


def logistic(n: int) -> int:
    """A logistic regression of each bit on those before it (FVSBN): n (n + 1) / 2."""
    return n * (n + 1) // 2


def shared(n: int, hidden: int) -> int:
    """NADE, or MADE with one hidden layer and no direct weights: 2 n H + n + H."""
    return 2 * n * hidden + n + hidden


def by_graph(parents: tuple[int, ...]) -> int:
    """Tables of bits along a dependency graph: the sum of 2^(how many parents), from each bit's parents as a mask."""
    return sum(2 ** mask.bit_count() for mask in parents)
