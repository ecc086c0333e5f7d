"""Who may open a page (门禁): the same rules as the API's routes, and the caller kept at hand for the page's frame."""

from typing import Annotated

from fastapi import Depends, Request

from api.identity import Allowed, AllowedByForm, Caller, identify
from domain.scopes import Action, Viewer


class Seen(Allowed):
    """Lets in as `Allowed` does; the page then knows whom to greet and which token its forms carry."""

    def permit(self, request: Request, caller: Caller) -> Viewer:
        """The viewer; raises as `Allowed` does."""
        request.state.caller = caller
        return super().permit(request, caller)


class SeenByForm(AllowedByForm, Seen):
    """The same for the form of a page."""


def caller_of(request: Request) -> Caller | None:
    """Whoever was let in; None on a page that everybody may see, or before anybody was."""
    found: Caller | None = getattr(request.state, "caller", None)
    return found


def whoever_calls(request: Request) -> Caller:
    """Whoever is signed in, whatever the role; raises 401."""
    caller = identify(request)
    request.state.caller = caller
    return caller


MayListCases = Annotated[Viewer, Depends(Seen(Action.LIST_CASES))]
MayReadCase = Annotated[Viewer, Depends(Seen(Action.READ_CASE))]
MayReadCaseEvents = Annotated[Viewer, Depends(Seen(Action.READ_CASE_EVENTS))]
MayFindCase = Annotated[Viewer, Depends(SeenByForm(Action.LIST_CASES))]
MayFindTimeline = Annotated[Viewer, Depends(SeenByForm(Action.READ_CASE_EVENTS))]
MaySettle = Annotated[Viewer, Depends(SeenByForm(Action.SETTLE_PROOF))]
MayResubmit = Annotated[Viewer, Depends(SeenByForm(Action.RESUBMIT_ITEM))]
MayCorrect = Annotated[Viewer, Depends(SeenByForm(Action.CORRECT_ITEM))]
MayWithdraw = Annotated[Viewer, Depends(SeenByForm(Action.WITHDRAW_CASE))]
MayReveal = Annotated[Viewer, Depends(SeenByForm(Action.REVEAL_PERSON))]
MayEscalate = Annotated[Viewer, Depends(SeenByForm(Action.ESCALATE_PROOF))]
MayAnswerCommitment = Annotated[Viewer, Depends(SeenByForm(Action.ANSWER_COMMITMENT))]
MayReadInbox = Annotated[Viewer, Depends(Seen(Action.READ_INBOX))]
MaySearchInbox = Annotated[Viewer, Depends(SeenByForm(Action.READ_INBOX))]
MayAnswer = Annotated[Viewer, Depends(SeenByForm(Action.ANSWER_VERIFICATION))]
MayAssign = Annotated[Viewer, Depends(SeenByForm(Action.ASSIGN_VERIFICATION))]
MaySeeConfirmations = Annotated[Viewer, Depends(Seen(Action.CONFIRM_IN_BATCH))]
MayConfirm = Annotated[Viewer, Depends(SeenByForm(Action.CONFIRM_IN_BATCH))]
MaySetSilenceRule = Annotated[Viewer, Depends(SeenByForm(Action.SET_SILENCE_RULE))]
MaySeeAsking = Annotated[Viewer, Depends(Seen(Action.ASK_VERIFICATION))]
MayAsk = Annotated[Viewer, Depends(SeenByForm(Action.ASK_VERIFICATION))]
MayReadListing = Annotated[Viewer, Depends(Seen(Action.READ_LISTING))]
MayManageListing = Annotated[Viewer, Depends(SeenByForm(Action.MANAGE_LISTING))]
MayReadRosters = Annotated[Viewer, Depends(Seen(Action.READ_ROSTERS))]
MayRevealRosters = Annotated[Viewer, Depends(SeenByForm(Action.READ_ROSTERS))]
MayManageRosters = Annotated[Viewer, Depends(SeenByForm(Action.MANAGE_ROSTERS))]
MayReadWatchList = Annotated[Viewer, Depends(Seen(Action.READ_WATCH_LIST))]
MayReadExplanations = Annotated[Viewer, Depends(Seen(Action.READ_BUNDLES))]
MayExplain = Annotated[Viewer, Depends(SeenByForm(Action.READ_BUNDLES))]
MayReadGrants = Annotated[Viewer, Depends(Seen(Action.READ_GRANTS))]
MayApplyGrant = Annotated[Viewer, Depends(SeenByForm(Action.APPLY_GRANT))]
MayApproveGrant = Annotated[Viewer, Depends(SeenByForm(Action.APPROVE_GRANT))]
