"""Reports, comparisons and plans as tables of full-precision numbers, one observation per row."""

from dermbench.reporting.frames.comparison_frames import COMPARISON_FRAMES
from dermbench.reporting.frames.frame import Frame, FrameColumn, choose_frame
from dermbench.reporting.frames.plan_frames import PLAN_FRAMES
from dermbench.reporting.frames.report_frames import REPORT_FRAMES

__all__ = ["COMPARISON_FRAMES", "PLAN_FRAMES", "REPORT_FRAMES", "Frame", "FrameColumn", "choose_frame"]
