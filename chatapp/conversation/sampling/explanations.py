"""What each number does, in one or two sentences with a worked figure for the value that it has."""

from __future__ import annotations

import math

from chatapp.conversation.sampling.settings import RANDOM_SEED, WHOLE_CONTEXT
from chatapp.text import counted


def temperature(value: float) -> str:
    """Of a 60/40 choice."""
    if value == 0:
        return "0 always takes the likeliest token. 1 draws from the model's own probabilities."
    if value == 1:
        return "1 draws from the model's own probabilities. Below sharpens, above flattens."
    first, second = 0.6 ** (1 / value), 0.4 ** (1 / value)
    share = round(100 * first / (first + second))
    way = "Below 1 sharpens" if value < 1 else "Above 1 flattens"
    return f"{way}: at {value:g} a 60/40 choice becomes {share}/{100 - share}."


def top_k(value: float) -> str:
    """How many stay."""
    if value == 0:
        return "0 is off: every token of the vocabulary stays a candidate."
    return f"Only the {int(value)} likeliest tokens stay, however sure the model is. 0 turns it off."


def top_p(value: float) -> str:
    """The share that stays."""
    if value >= 1:
        return "1 is off: no candidate is cut by its share of the probability."
    return f"The likeliest tokens stay until they add up to {100 * value:g} %; the one that crosses it stays too."


def min_p(value: float) -> str:
    """Under a favourite of 80 %."""
    if value == 0:
        return "0 is off. At 0.1, if the likeliest token has 80 %, those under 8 % are cut."
    return f"If the likeliest token has 80 %, those under {80 * value:g} % are cut. 0 turns it off."


def repeat(value: float) -> str:
    """Of a logit of 11."""
    if value == 1:
        return "1 is off. At 1.1 the logit of a token just said falls from 11 to 10."
    return f"The logit of a token just said goes from 11 to {11 / value:.3g}. 1 turns it off."


def max_tokens(value: float | None) -> str:
    """When it ends."""
    if value is None:
        return "A reply may use all that is free in the context window. Type a number to end it sooner."
    return f"A reply ends after {counted(int(value), 'token')}, finished or not; enter goes on from there."


def seed(value: float) -> str:
    """New or the same."""
    if value == RANDOM_SEED:
        return "Each reply gets a new seed, kept with the reply. Type a number to draw the same way again."
    return "The same seed, settings and prompt draw the same tokens. -1 takes a new seed each time."


def typical_p(value: float) -> str:
    """The share that stays, by nearness to the expected surprise."""
    if value >= 1:
        return "1 is off. At 0.9 the tokens whose surprise is nearest to the average stay, up to 90 %."
    return (
        f"The tokens whose surprise is nearest to the average stay until they add up to {100 * value:g} %: the "
        "all too likely may go as well. 1 turns it off."
    )


def top_n_sigma(value: float) -> str:
    """Of logits that spread by 2.5."""
    if value == 0:
        return "0 is off. At 1, with a spread (σ) of 2.5, logits more than 2.5 below the best are cut."
    return f"If the logits spread (σ) by 2.5, those more than {2.5 * value:g} below the best are cut. 0 is off."


def xtc_probability(value: float) -> str:
    """How often."""
    if value == 0:
        return "0 is off. At 0.5, every other token leaves out all the obvious choices but the least of them."
    return f"On {100 * value:g} % of the tokens the obvious choices are left out, all but the least of them."


def xtc_threshold(value: float) -> str:
    """What counts as obvious."""
    if value > 0.5:
        return "Above 0.5 no two tokens can be obvious: XTC never acts."
    return f"Tokens of {100 * value:g} % or more are obvious choices. At 0.5 there is hardly ever more than one."


def adaptive_target(value: float) -> str:
    """What is preferred."""
    if value == 0:
        return "0 is off. At 0.3, tokens are preferred that have about 30 %, on average over the text."
    return f"Tokens that have about {100 * value:g} % are preferred, on average over the text. 0 turns it off."


def adaptive_decay(value: float) -> str:
    """How far back."""
    return f"The average goes over about the last {round(1 / (1 - min(value, 0.99)))} tokens."


def window(value: float) -> str:
    """How far back the three penalties look."""
    if value == 0:
        return "0 turns repeat, presence and frequency off."
    return f"Repeat, presence and frequency look at the last {int(value):,} tokens, prompt included. 0 is off."


def presence(value: float) -> str:
    """Of a chance of 50 %."""
    if value == 0:
        return "0 is off. At 0.5 a word that was just said, be it once, falls from 50 % to 38 %."
    return f"A token that was just said, be it once, goes from 50 % to {_fallen(value)} %. 0 turns it off."


def frequency(value: float) -> str:
    """Of a chance of 50 %, after three times."""
    if value == 0:
        return "0 is off. At 0.5 a token that was said 3 times falls from 50 % to 18 %."
    return f"A token that was said 3 times goes from 50 % to {_fallen(3 * value)} %. 0 turns it off."


def _fallen(penalty: float) -> int:
    return round(100 / (1 + math.exp(penalty)))


def dry_multiplier(value: float) -> str:
    """Of a repeated sequence of 5, with the usual base and length."""
    if value == 0:
        return "0 is off. At 0.8, what would repeat a sequence of 5 tokens loses 4.3 from its logit."
    return f"What would repeat a sequence of 5 tokens loses {value * 1.75**3:.1f} from its logit. 0 turns it off."


def dry_base(value: float) -> str:
    """What each further token does."""
    return f"Each token more in the repeated sequence makes DRY's penalty {value:g} times as large."


def dry_allowed(value: float) -> str:
    """What is free."""
    return f"Sequences of up to {int(value)} tokens may be repeated at DRY's lowest price."


def dry_window(value: float) -> str:
    """How far back DRY looks."""
    if value == WHOLE_CONTEXT:
        return "DRY looks at the whole context window. Type a number to look at less; 0 turns DRY off."
    if value == 0:
        return "0 turns DRY off. -1 looks at the whole context window."
    return f"DRY looks at the last {int(value):,} tokens. -1 looks at the whole context window."


def dynatemp_range(value: float) -> str:
    """Around a temperature of 0.8."""
    if value == 0:
        return "0 is off. At 0.3 and temperature 0.8: from 0.5 where the model is sure to 1.1 where it is not."
    low, high = max(0.0, 0.8 - value), 0.8 + value
    return f"With temperature 0.8: from {low:g} where the model is sure to {high:g} where it is not. 0 is off."


def dynatemp_exponent(value: float) -> str:
    """Of a half doubt."""
    return f"A doubt of one half moves the temperature to {100 * 0.5**value:.0f} % of the way up. 1 is straight."


def mirostat(value: float) -> str:
    """The version."""
    if value == 0:
        return "0 is off. 1 and 2 keep the surprise of the text near a target, and override the cut-offs."
    return f"Version {int(value)} keeps the surprise of the text near τ. It overrides the cut-offs. 0 is off."


def mirostat_tau(value: float) -> str:
    """In bits, and as a choice."""
    return f"The text aims at {value:g} bits a token: as open as a choice among {2**value:,.0f} equal words."


def mirostat_eta(value: float) -> str:
    """How fast."""
    return f"A token that is 1 bit too surprising moves the limit by {value:g} bits."
